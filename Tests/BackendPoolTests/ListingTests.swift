import AgentBackend
import Testing

@testable import BackendPool

@Suite struct ListingTests {
    @Test func whatThereIsIsListedByItsPlaceAndTheRestIsLeftOut() throws {
        var pool = MachineHarness { $0.maxEntriesPerOrg = 2 }
        _ = try pool.makeIdle(key("idle"))
        pool.now = .seconds(5)
        pool.acquire(key("leased"))
        _ = try pool.finishCreation()
        pool.acquire(key("waits"))
        pool.acquire(key("made", org: 2))
        pool.now = .seconds(7)
        let (listed, next) = pool.machine.list(from: 0, count: 100, of: nil, at: pool.now)
        #expect(next == nil)
        #expect(listed.count == pool.machine.list(from: 0, count: 100, of: 1, at: pool.now).entries.count + 1)
        let byName = Dictionary(uniqueKeysWithValues: listed.map { ($0.key.name ?? "", $0) })
        #expect(byName["leased"]?.state == .active)
        #expect(byName["leased"]?.leases == 1)
        #expect(byName["leased"]?.age == .seconds(2))
        #expect(byName["made"]?.state == .creating)
        #expect(byName["made"]?.entry == nil)
        #expect(byName["made"]?.waiters == 1)
        // The idle one goes, to make room.
        #expect(byName["idle"] == nil)
        #expect(byName["waits"]?.state == .waitingForRoom)
    }

    @Test func aLookIsBounded() throws {
        var pool = MachineHarness()
        for number in 0..<5 { _ = try pool.makeIdle(key("\(number)")) }
        var (from, names, looks): (Int?, [String], Int) = (0, [], 0)
        while let place = from {
            let (listed, next) = pool.machine.list(from: place, count: 2, of: nil, at: pool.now)
            names += listed.compactMap(\.key.name)
            from = next
            looks += 1
        }
        #expect(names == ["0", "1", "2", "3", "4"])
        #expect(looks == 3)
        #expect(pool.machine.list(from: .max, count: 2, of: nil, at: pool.now).entries.isEmpty)
    }
}
