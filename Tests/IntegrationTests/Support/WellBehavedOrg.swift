import BrokerClient
import Synchronization
import Testing

/// An org that makes calls one after the other, and knows what each is to answer, while others do as they like.
final class WellBehavedOrg: Sendable {
    static let name = "acme"
    /// Each makes one call at a time.
    static let callers = 3
    /// Of a caller, which are counted when all of them are answered.
    static let callsAtATime = 20

    private let isOver = Atomic<Bool>(false)
    private let answered = Atomic<Int>(0)

    /// Calls that were answered as they had to be.
    var calls: Int { answered.load(ordering: .relaxed) }

    /// Makes calls while `body` runs. Throws what went wrong with one of them; returns how many there were.
    static func calling<Value: Sendable>(
        _ broker: BrokerProcess,
        token: String,
        while body: (WellBehavedOrg) async throws -> Value
    ) async throws -> Value {
        let org = WellBehavedOrg()
        let address = try BrokerAddress(broker.ready.wire)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<callers {
                group.addTask {
                    // Whoever waits for calls is not to wait for ever.
                    defer { org.isOver.store(true, ordering: .relaxed) }
                    try await BrokerConnection.withConnection(to: address, token: token) { connection in
                        repeat {
                            var caller = Caller(number: number, org: name, connection: connection)
                            _ = try await caller.call(times: callsAtATime)
                            org.answered.add(callsAtATime, ordering: .relaxed)
                        } while !org.isOver.load(ordering: .relaxed)
                    }
                }
            }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(org))
            } catch {
                result = .failure(error)
            }
            org.isOver.store(true, ordering: .relaxed)
            // What went wrong with a call counts first.
            try await group.waitForAll()
            return try result.get()
        }
    }

    private struct Failed: Error {}

    /// Waits until so many more calls were answered: as long as it takes.
    func waitForCalls(_ count: Int) async throws {
        let before = calls
        while calls < before + count {
            guard !isOver.load(ordering: .relaxed) else { throw Failed() }
            await Task.yield()
        }
    }
}
