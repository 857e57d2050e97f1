internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// One command in the background: takes what it writes, whoever reads it, and keeps the last of it and its end. Safe to
/// use from any thread.
final class BackgroundExec: Sendable {
    typealias Output = BackgroundOutput<CheckedContinuation<Void, Never>>

    private struct State {
        var output: Output
        var isShuttingDown = false
        /// Who waits for the end, whatever else happens.
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    let id: UInt64
    /// That it was started in, within the entry.
    let scope: WorkspacePath
    /// Of its entry.
    let log: EntryLog
    /// For its record.
    let outputs = CommandOutputTally()
    private let command: any CommandExecution
    private let line: [UInt8]
    private let startedNanoseconds: Int64
    private let state: Mutex<State>

    /// - Parameters:
    ///   - line: What is run, for who lists it.
    ///   - capacity: Bytes that are kept of each stream.
    init(
        id: UInt64,
        _ command: any CommandExecution,
        line: [UInt8],
        scope: WorkspacePath,
        log: EntryLog,
        startedNanoseconds: Int64,
        capacity: Int
    ) {
        self.id = id
        self.log = log
        self.command = command
        self.line = Array(line.prefix(BackgroundCommandInfo.maximumCommandLength))
        self.scope = scope
        self.startedNanoseconds = startedNanoseconds
        state = Mutex(State(output: Output(capacity: capacity)))
    }

    var isolation: String { command.isolation }

    /// As it is now.
    var info: BackgroundCommandInfo {
        state.withLock { state in
            BackgroundCommandInfo(
                id: id,
                command: line,
                scope: scope,
                isolation: command.isolation,
                startedNanoseconds: startedNanoseconds,
                written: state.output.ends,
                keptFrom: state.output.starts,
                end: state.output.end
            )
        }
    }

    // MARK: Its life

    /// Takes what the command writes, and returns its end when nothing of it is left. Cancelling the task ends the
    /// command. ``finish(_:)`` has to follow. Called once.
    func run() async -> ExecEnd {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Bool.self) { group in
                for stream in CommandStream.allCases {
                    group.addTask { await self.keepOutput(of: stream) }
                }
                for await isWhole in group where !isWhole { command.terminate() }
            }
        } onCancel: {
            command.terminate()
        }
        var end = await command.waitForEnd()
        if end.outcome == .cancelled, state.withLock(\.isShuttingDown) { end.outcome = .shuttingDown }
        return end
    }

    /// False: it could not be read to its end. Why a program was not run is told by the command's end.
    private func keepOutput(of stream: CommandStream) async -> Bool {
        do throws(BackendError) {
            while let bytes = try await command.readOutput(stream, upTo: Self.pieceLength) {
                outputs.add(bytes, to: stream)
                let waiters = state.withLock { $0.output.wrote(bytes, to: stream) }
                for waiter in waiters { waiter.resume() }
            }
            return true
        } catch {
            return false
        }
    }

    private static let pieceLength = 64 << 10

    /// Tells all who wait how it ended.
    func finish(_ end: ExecEnd) {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            return state.output.ended(end) + state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: From outside

    /// Ends its whole tree: SIGTERM, a grace, SIGKILL. Does not wait; idempotent.
    func terminate() {
        command.terminate()
    }

    /// As ``terminate()``, for a broker that ends.
    func shutDown() {
        state.withLock { $0.isShuttingDown = true }
        command.terminate()
    }

    /// As ``CommandExecution/signal(_:)``.
    func signal(_ number: Int32) async throws(BackendError) {
        guard state.withLock({ $0.output.end }) == nil else { return }
        try await command.signal(number)
    }

    /// As ``CommandExecution/resizeTerminal(to:)``.
    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        guard state.withLock({ $0.output.end }) == nil else { return }
        try await command.resizeTerminal(to: size)
    }

    /// Bytes of output that are kept.
    var keptCount: Int { state.withLock(\.output.keptCount) }

    func dropOutput() {
        state.withLock { $0.output.dropOutput() }
    }

    /// Not ended by cancelling.
    func waitForEnd() async -> ExecEnd {
        while true {
            if let end = state.withLock(\.output.end) { return end }
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if state.output.end == nil { state.waiters.append(continuation) }
                    return state.output.end != nil
                }
                if hasEnded { continuation.resume() }
            }
        }
    }

    // MARK: Readers

    /// Runs `body` with a reader of its own. Throws `RESOURCE_EXHAUSTED` where `maximum` read already.
    func withReader<Value>(
        from offsets: StreamOffsets,
        maximum: Int,
        _ body: (Reader) async throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        guard let id = state.withLock({ $0.output.attach(from: offsets, maximum: maximum) }) else {
            throw Self.tooManyReaders(maximum)
        }
        defer { state.withLock { $0.output.detach(id) }?.resume() }
        return try await body(Reader(exec: self, id: id))
    }

    /// For one task.
    struct Reader: Sendable {
        fileprivate let exec: BackgroundExec
        fileprivate let id: Output.ReaderID

        /// Waits until ``take(upTo:)`` has something. Throws `CANCELLED`.
        func wait() async throws(BackendError) {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = exec.state.withLock { state in
                        // Read under the lock: a cancellation from here on finds the reader.
                        Task.isCancelled || state.output.wait(id, continuation)
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                exec.state.withLock { $0.output.cancelWait(id) }?.resume()
            }
            guard !Task.isCancelled else {
                throw BackendError(.cancelled, message: "nobody reads the command any more: it goes on")
            }
        }

        /// See ``BackgroundOutput/take(_:upTo:)``.
        func take(upTo count: Int) -> Output.Piece? {
            exec.state.withLock { $0.output.take(id, upTo: count) }
        }
    }

    private static func tooManyReaders(_ maximum: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message:
                "\(maximum) callers read the command or wait for it already, and no more may: have one of them end",
            isRetryable: true,
            limit: LimitDetails(name: "background_readers", used: UInt64(maximum), allowed: UInt64(maximum))
        )
    }
}
