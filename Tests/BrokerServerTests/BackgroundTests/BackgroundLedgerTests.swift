import Testing

@testable import BrokerServer

@Suite struct BackgroundLedgerTests {
    private typealias Ledger = BackgroundLedger<String>

    private static let wide = Ledger.Limits(perOwner: 100, perOrg: 100, outputBytes: 1000)

    private func ledger(_ owners: [String]) -> Ledger {
        var ledger = Ledger()
        for (index, owner) in owners.enumerated() { ledger.began(UInt64(index + 1), owner) }
        return ledger
    }

    private func end(
        _ id: UInt64,
        _ keptBytes: Int,
        _ ledger: inout Ledger,
        _ limits: Ledger.Limits
    ) -> [Ledger.Action] {
        ledger.ended(id, keptBytes: keptBytes, limits)
    }

    @Test func aCommandIsFoundByItsOwnerAlone() {
        let ledger = ledger(["a", "b", "a"])
        #expect(ledger.execs(of: "a") == [1, 3])
        #expect(ledger.owns("a", 3) && !ledger.owns("b", 3) && !ledger.owns("a", 2) && !ledger.owns("a", 4))
        #expect(ledger.runningCount == 3)
    }

    @Test func beyondTheLimitOfAnOwnerTheOneThatEndedFirstGoes() {
        var ledger = ledger(["a", "a", "b", "a"])
        let limits = Ledger.Limits(perOwner: 1, perOrg: 100, outputBytes: 1000)
        #expect(end(2, 5, &ledger, limits) == [])
        #expect(end(3, 5, &ledger, limits) == [])
        #expect(end(1, 5, &ledger, limits) == [.forget(2)])
        #expect(ledger.execs(of: "a") == [1, 4] && ledger.execs(of: "b") == [3])
        #expect(ledger.keptBytes == 10)
    }

    @Test func beyondTheLimitOfTheOrgTheOneThatEndedFirstGoes() {
        var ledger = ledger(["a", "b", "c"])
        let limits = Ledger.Limits(perOwner: 9, perOrg: 2, outputBytes: 1000)
        #expect(end(2, 0, &ledger, limits) == [])
        #expect(end(1, 0, &ledger, limits) == [])
        #expect(end(3, 0, &ledger, limits) == [.forget(2)])
        #expect(ledger.execs(of: "b") == [])
    }

    @Test func beyondTheLimitOfBytesOutputGoesAndEndsStay() {
        var ledger = ledger(["a", "b", "c", "d"])
        let limits = Ledger.Limits(perOwner: 9, perOrg: 9, outputBytes: 10)
        #expect(end(1, 6, &ledger, limits) == [])
        #expect(end(2, 4, &ledger, limits) == [])
        #expect(end(3, 5, &ledger, limits) == [.dropOutput(1)])
        #expect(end(4, 11, &ledger, limits) == [.dropOutput(2), .dropOutput(3), .dropOutput(4)])
        #expect(ledger.count == 4 && ledger.keptBytes == 0)
    }

    @Test func oneEndsOnce() {
        var ledger = ledger(["a"])
        #expect(end(1, 6, &ledger, Self.wide) == [])
        #expect(end(1, 6, &ledger, Self.wide) == [])
        #expect(end(2, 6, &ledger, Self.wide) == [])
        #expect(ledger.keptBytes == 6 && ledger.count == 1)
    }

    @Test func ofAnOwnerThatIsGoneNothingIsLeft() {
        var ledger = ledger(["a", "b", "a"])
        _ = end(1, 6, &ledger, Self.wide)
        let forgotten = ledger.forget("a")
        #expect(forgotten == [1, 3])
        #expect(ledger.count == 1 && ledger.keptBytes == 0 && ledger.execs(of: "a") == [])
        // It ran when it was forgotten.
        #expect(end(3, 6, &ledger, Self.wide) == [])
        #expect(ledger.count == 1 && ledger.keptBytes == 0)
    }

    /// Against the same written plainly.
    @Test(arguments: 0..<20)
    func keepsWhatAListKeeps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limits = Ledger.Limits(perOwner: 3, perOrg: 6, outputBytes: 30)
        var ledger = Ledger()
        var model: [(id: UInt64, owner: String, bytes: Int?, end: Int)] = []
        for step in 1...300 {
            if Bool.random(using: &random) {
                let owner = ["a", "b", "c"].randomElement(using: &random) ?? "a"
                ledger.began(UInt64(step), owner)
                model.append((UInt64(step), owner, nil, 0))
            } else if let index = model.indices.filter({ model[$0].bytes == nil }).randomElement(using: &random) {
                let bytes = Int.random(in: 0...20, using: &random)
                _ = ledger.ended(model[index].id, keptBytes: bytes, limits)
                model[index].bytes = bytes
                model[index].end = step
                let owner = model[index].owner
                drop(from: &model, beyond: limits.perOwner) { $0.owner == owner }
                drop(from: &model, beyond: limits.perOrg) { _ in true }
                while model.compactMap(\.bytes).reduce(0, +) > limits.outputBytes,
                    let oldest = model.indices.filter({ model[$0].bytes ?? 0 > 0 }).min(by: {
                        model[$0].end < model[$1].end
                    })
                {
                    model[oldest].bytes = 0
                }
            }
            for owner in ["a", "b", "c"] {
                #expect(ledger.execs(of: owner) == model.filter { $0.owner == owner }.map(\.id))
            }
            #expect(ledger.keptBytes == model.compactMap(\.bytes).reduce(0, +))
            #expect(ledger.runningCount == model.count { $0.bytes == nil })
        }
    }

    private func drop(
        from model: inout [(id: UInt64, owner: String, bytes: Int?, end: Int)],
        beyond limit: Int,
        _ counts: (((id: UInt64, owner: String, bytes: Int?, end: Int)) -> Bool)
    ) {
        let ended = model.filter { $0.bytes != nil && counts($0) }.sorted { $0.end < $1.end }
        for exec in ended.dropLast(limit) { model.removeAll { $0.id == exec.id } }
    }
}
