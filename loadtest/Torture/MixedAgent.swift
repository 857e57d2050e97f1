internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// Makes calls of all kinds. Knows what every file of its own has to hold, and checks every answer against that.
struct MixedAgent: TortureAgent {
    /// That of memory.
    static let lastingEntries = 1

    let number: Int
    let address: BrokerAddress
    let tokens: TortureTokens
    var random: SeededGenerator
    /// Of each key, in the order of ``keys``.
    var files: [[MixedFile]]
    var memory: [MixedFile]
    var lastVersion: UInt64 = 0
    var connection: BrokerConnection?

    static let keys = 3
    static let filesOfKey = 12

    init(_ number: Int, _ address: BrokerAddress, _ tokens: TortureTokens, seed: UInt64) {
        self.number = number
        self.address = address
        self.tokens = tokens
        random = SeededGenerator(seed: seed, agent: number)
        files = Array(repeating: Array(repeating: MixedFile(), count: Self.filesOfKey), count: Self.keys)
        memory = Array(repeating: MixedFile(), count: Self.filesOfKey)
    }

    func target(_ key: Int) -> BrokerTarget { BrokerTarget(key: "agent-\(number)-\(key)") }
    var memoryTarget: BrokerTarget { BrokerTarget(backend: .memory, key: "agent-\(number)") }

    func path(_ file: Int) throws -> WorkspacePath { try WorkspacePath("dir-\(file % 3)/file-\(file)") }
    func contents(_ key: Int, _ file: Int) -> MixedContents { MixedContents(subject: "\(number)/\(key)/\(file)") }
    func memoryContents(_ file: Int) -> MixedContents { MixedContents(subject: "\(number)/memory/\(file)") }

    mutating func newVersion() -> UInt64 {
        lastVersion += 1
        return lastVersion
    }

    mutating func perform(_ action: MixedAction) async throws -> Int {
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
}
