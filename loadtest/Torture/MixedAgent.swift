internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// One of those that use the broker at the same time. Knows what every file of its own has to hold, and checks every
/// answer against that. A value: it is used by one task, which it lasts longer than, so that a later part of the run
/// goes on with it.
struct MixedAgent: Sendable {
    let number: Int
    let address: BrokerAddress
    let tokens: Tokens
    var random: SeededGenerator
    /// Of each key, in the order of ``keys``.
    var files: [[MixedFile]]
    var memory: [MixedFile]
    var lastVersion: UInt64 = 0
    /// Nil between two runs, and after it was dropped.
    var connection: BrokerConnection?

    struct Tokens: Sendable {
        let agent: String
        let readOnly: String
    }

    static let keys = 3
    static let filesOfKey = 12

    init(_ number: Int, _ address: BrokerAddress, _ tokens: Tokens, seed: UInt64) {
        self.number = number
        self.address = address
        self.tokens = tokens
        random = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(number))
        files = Array(repeating: Array(repeating: MixedFile(), count: Self.filesOfKey), count: Self.keys)
        memory = Array(repeating: MixedFile(), count: Self.filesOfKey)
    }

    func target(_ key: Int) -> BrokerTarget { BrokerTarget(key: "agent-\(number)-\(key)") }
    var memoryTarget: BrokerTarget { BrokerTarget(backend: .memory, key: "agent-\(number)") }

    func path(_ file: Int) throws -> WorkspacePath { try WorkspacePath("dir-\(file % 3)/file-\(file)") }
    func contents(_ key: Int, _ file: Int) -> MixedContents { MixedContents(subject: "\(number)/\(key)/\(file)") }
    func memoryContents(_ file: Int) -> MixedContents { MixedContents(subject: "\(number)/memory/\(file)") }

    mutating func choice(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    mutating func newVersion() -> UInt64 {
        lastVersion += 1
        return lastVersion
    }

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
    mutating func run(until calls: Int, _ progress: MixedProgress) async throws {
        while progress.calls < calls {
            let action = MixedAction.random(using: &random)
            do {
                progress.verified(try await perform(action), of: action)
            } catch let error as MixedFailure {
                throw MixedFailure("agent \(number), \(action.rawValue): \(error.description)")
            } catch let error as BackendError {
                throw MixedFailure("agent \(number), \(action.rawValue): \(error.line)")
            }
        }
        await disconnect()
    }

    /// Returns how many calls it made.
    private mutating func perform(_ action: MixedAction) async throws -> Int {
        switch action {
        case .echo: try await echo()
        case .burst: try await burst()
        case .read: try await read()
        case .write: try await write()
        case .swap: try await swap()
        case .look: try await look()
        case .list: try await list()
        case .move: try await move()
        case .memory: try await useMemory()
        case .lease: try await useLease()
        case .keyless: try await useKeyless()
        case .command: try await command()
        case .input: try await commandWithInput()
        case .refused: try await refused()
        case .cancelled: try await cancelled()
        case .late: try await late()
        case .dropped: try await dropped()
        case .torn: try await torn()
        case .strange: try await strange()
        }
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
            throw MixedFailure("\(what) failed with \(error.line), not with \(code)")
        }
        throw MixedFailure("\(what) succeeded, and should have failed with \(code)")
    }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw MixedFailure(what()) }
    }
}
