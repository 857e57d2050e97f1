internal import AgentBackend
internal import BrokerClient

/// One of those that use the broker at the same time, and check every answer. A value: it is used by one task, which it
/// lasts longer than, so that a later part of the run goes on with it.
protocol TortureAgent: Sendable {
    associatedtype Action: TortureAction

    /// Entries of an agent that stay although nobody uses them.
    static var lastingEntries: Int { get }

    init(_ number: Int, _ address: BrokerAddress, _ tokens: TortureTokens, seed: UInt64)

    var number: Int { get }
    var address: BrokerAddress { get }
    var tokens: TortureTokens { get }
    var random: SeededGenerator { get set }
    /// Nil between two runs, and after it was dropped.
    var connection: BrokerConnection? { get set }

    /// Returns how many calls it made.
    mutating func perform(_ action: Action) async throws -> Int
}

/// What an agent does in one step.
protocol TortureAction: CaseIterable, RawRepresentable<String>, Sendable {
    /// Of all steps, in thousandths; together 1000.
    var weight: Int { get }
}

/// Of an org.
struct TortureTokens: Sendable {
    let agent: String
    let readOnly: String
}

extension TortureAction {
    /// Nil for a kind without weights.
    static func random(using generator: inout some RandomNumberGenerator) -> Self? {
        var number = Int.random(in: 0..<1000, using: &generator)
        return allCases.first { action in
            number -= action.weight
            return number < 0
        }
    }
}

extension SeededGenerator {
    /// Of an agent of a run.
    init(seed: UInt64, agent number: Int) {
        self.init(seed: seed &* 1_000_003 &+ UInt64(number))
    }
}

extension TortureAgent {
    mutating func choice(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    /// The one it has, or a new one.
    mutating func connected() async throws -> BrokerConnection {
        if let connection { return connection }
        let made = try await BrokerConnection.connect(to: address, token: tokens.agent)
        connection = made
        return made
    }

    mutating func disconnect() async {
        await connection?.close()
        connection = nil
    }

    /// Goes on until all agents together have made so many calls.
    mutating func run(until calls: Int, _ progress: TortureProgress) async throws {
        while progress.calls < calls {
            guard let action = Action.random(using: &random) else { break }
            do {
                progress.verified(try await perform(action), of: action)
            } catch let error as TortureFailure {
                throw TortureFailure("agent \(number), \(action.rawValue): \(error.description)")
            } catch let error as BackendError {
                throw TortureFailure("agent \(number), \(action.rawValue): \(error.line)")
            }
        }
        await disconnect()
    }

    /// Throws unless `body` fails with that code.
    func expect(
        _ code: BackendError.Code,
        _ what: String,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as BackendError where error.code == code {
            return
        } catch let error as BackendError {
            throw TortureFailure("\(what) failed with \(error.line), not with \(code)")
        }
        throw TortureFailure("\(what) succeeded, and should have failed with \(code)")
    }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw TortureFailure(what()) }
    }

    /// Starts `body`, and cancels it after so many turns of the scheduler. Returns whether it succeeded all the same.
    @discardableResult
    func cancel(
        after turns: Int,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            for _ in 0..<turns { await Task.yield() }
            group.cancelAll()
            do {
                try await group.waitForAll()
                return true
            } catch let error as BackendError where error.code == .cancelled {
                return false
            }
        }
    }
}
