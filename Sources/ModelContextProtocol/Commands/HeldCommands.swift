package import AgentBackend
internal import NIOCore
internal import Synchronization

/// Commands that were started to go on by themselves, of everybody who is served here.
///
/// They are commands in the foreground of a backend, held by this: only those can be typed at. So they end with this, and
/// with the connection to their broker. Each owner sees its own alone. Safe to use from any thread; ``run()`` has to run.
package final class HeldCommands: Sendable {
    /// Whose a command is: a token, or nobody's where there is none, and what it works in.
    package struct Owner: Sendable, Hashable {
        package var token: [UInt8]
        package var key: String
        package var scope: WorkspacePath

        package init(token: [UInt8] = [], key: String = "", scope: WorkspacePath = .root) {
            self.token = token
            self.key = key
            self.scope = scope
        }
    }

    package struct Limits: Sendable {
        /// Commands of all owners, those that ended and are remembered included.
        package var maximumCommands: Int
        /// Of one owner.
        package var maximumCommandsPerOwner: Int
        /// Last bytes of each stream of a command that are kept.
        package var outputBytes: Int

        package init(maximumCommands: Int = 1024, maximumCommandsPerOwner: Int = 64, outputBytes: Int = 1 << 20) {
            self.maximumCommands = maximumCommands
            self.maximumCommandsPerOwner = maximumCommandsPerOwner
            self.outputBytes = outputBytes
        }
    }

    private struct Member: Sendable {
        let owner: Owner
        let command: HeldCommand
    }

    private struct State {
        var lastID: UInt64 = 0
        /// In the order in which they were started.
        var members: [Member] = []
        var reserved: [Owner: Int] = [:]
        var isEnding = false
    }

    private let limits: @Sendable () -> Limits
    private let wallClock: @Sendable () -> Int64
    private let state = Mutex(State())
    private let started: AsyncStream<HeldCommand>
    private let begin: AsyncStream<HeldCommand>.Continuation

    /// `limits`: asked at each start.
    package init(
        limits: @escaping @Sendable () -> Limits = { Limits() },
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.limits = limits
        self.wallClock = wallClock
        // No more come than ``Limits/maximumCommands`` allows.
        (started, begin) = AsyncStream.makeStream()
    }

    /// Takes what commands write. Ends with ``stop()`` once they have ended, or by cancellation, which ends them. Called
    /// once.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await command in started {
                group.addTask { await command.run() }
            }
            group.cancelAll()
        }
    }

    /// Ends all commands and starts no more. Idempotent.
    package func stop() {
        state.withLock { $0.isEnding = true }
        begin.finish()
    }

    /// Whether a command of this token runs.
    package func isRunning(of token: [UInt8]) -> Bool {
        state.withLock { $0.members.contains { $0.owner.token == token && $0.command.end == nil } }
    }

    // MARK: For one owner

    func start(
        _ request: ExecRequest,
        in backend: any Backend,
        of owner: Owner
    ) async throws(BackendError) -> HeldCommand {
        let limits = limits()
        try reserve(owner, limits)
        defer { release(owner) }
        var request = request
        request.opensStandardInput = true
        let execution = try await backend.start(request)
        let started = wallClock()
        let command: HeldCommand? = state.withLock { state in
            guard !state.isEnding else { return nil }
            state.lastID += 1
            let command = HeldCommand(
                id: state.lastID,
                execution,
                line: request.program.line,
                startedNanoseconds: started,
                capacity: limits.outputBytes
            )
            state.members.append(Member(owner: owner, command: command))
            return command
        }
        guard let command else {
            execution.terminate()
            _ = await execution.waitForEnd()
            throw Self.ending
        }
        begin.yield(command)
        return command
    }

    /// Throws `NOT_FOUND` for one that is not the owner's, or ended and is remembered no more.
    func command(_ id: UInt64, of owner: Owner) throws(BackendError) -> HeldCommand {
        guard let member = state.withLock({ $0.members.first { $0.command.id == id && $0.owner == owner } }) else {
            throw BackendError(
                .notFound,
                reason: .notFound,
                message: "there is no command \(id) here: exec_list tells which there are"
            )
        }
        return member.command
    }

    /// In the order in which they were started.
    func commands(of owner: Owner) -> [HeldCommand] {
        state.withLock { state in state.members.filter { $0.owner == owner }.map(\.command) }
    }

    /// A place for one more. What ended first goes first.
    private func reserve(_ owner: Owner, _ limits: Limits) throws(BackendError) {
        let refusal: BackendError? = state.withLock { state in
            guard !state.isEnding else { return Self.ending }
            let own = state.members.filter { $0.owner == owner }.count + state.reserved[owner, default: 0]
            if own >= limits.maximumCommandsPerOwner {
                guard let ended = state.members.firstIndex(where: { $0.owner == owner && $0.command.end != nil }) else {
                    return Self.tooMany("commands", limits.maximumCommandsPerOwner)
                }
                state.members.remove(at: ended)
            }
            let all = state.members.count + state.reserved.values.reduce(0, +)
            if all >= limits.maximumCommands {
                guard let ended = state.members.firstIndex(where: { $0.command.end != nil }) else {
                    return Self.tooMany("commands_in_all", limits.maximumCommands)
                }
                state.members.remove(at: ended)
            }
            state.reserved[owner, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    /// The command is there now, or never will be.
    private func release(_ owner: Owner) {
        state.withLock { state in
            let left = state.reserved[owner, default: 1] - 1
            state.reserved[owner] = left > 0 ? left : nil
        }
    }

    private static func tooMany(_ name: String, _ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(allowed) commands run already, and no more may: end one with exec_kill",
            isRetryable: true,
            limit: LimitDetails(name: name, used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }

    private static let ending = BackendError(
        .shuttingDown,
        message: "no more commands are started here: connect again",
        isRetryable: true
    )
}
