import AgentBackend
import BackendPool
import Synchronization

/// An entry that a test breaks, and whose destruction it counts and may hold up.
final class TestEntry: PooledEntry {
    private struct State {
        var isUsable = true
        var destructions = 0
    }

    let key: PoolKey
    let number: Int
    let configuration: String
    let idleTimeout: IdleTimeout
    let isEvictable: Bool
    let maxLeases: Int?
    /// Destruction waits for it.
    let gate: Gate?
    private let state = Mutex(State())

    init(
        key: PoolKey,
        number: Int = 0,
        configuration: String = "",
        idleTimeout: IdleTimeout = .pool,
        isEvictable: Bool? = nil,
        maxLeases: Int? = nil,
        gate: Gate? = nil
    ) {
        self.key = key
        self.number = number
        self.configuration = configuration
        self.idleTimeout = idleTimeout
        self.isEvictable = isEvictable ?? (idleTimeout != .never)
        self.maxLeases = maxLeases
        self.gate = gate
    }

    var isUsable: Bool {
        get { state.withLock { $0.isUsable } }
        set { state.withLock { $0.isUsable = newValue } }
    }

    var destructions: Int { state.withLock { $0.destructions } }

    func destroy() async {
        await gate?.wait()
        state.withLock {
            $0.isUsable = false
            $0.destructions += 1
        }
    }
}

/// Holds up whoever waits until it is opened; open for good from then on.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen {
                    state.waiting.append(continuation)
                }
                return state.isOpen
            }
            if isOpen {
                continuation.resume()
            }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting {
            continuation.resume()
        }
    }
}

func key(_ name: String?, org: OrgID = 1) -> PoolKey {
    PoolKey(org: org, type: .memory, name: name)
}

/// What a test's entry is made with: a word.
struct TestConfiguration: PooledConfiguration, ExpressibleByStringLiteral {
    var word: String

    init(stringLiteral word: String) {
        self.word = word
    }

    func merging(_ overrides: TestConfiguration) -> TestConfiguration {
        TestConfiguration(stringLiteral: "\(word)+\(overrides.word)")
    }
}

extension BackendError {
    static let broken = BackendError(.missingUtilities, message: "no shell: install one")
}

/// Lets other tasks run until `condition` holds. For what another task is certain to bring about.
func until(_ condition: @Sendable () -> Bool) async {
    while !condition() {
        await Task.yield()
    }
}
