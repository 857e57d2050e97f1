import NIOCore
import Synchronization

extension ScopedBackend {
    public var maximumOutputLength: Int { view.maximumOutputLength }

    /// Starts a command in the scope, with its environment under the request's own. Logged when it has ended.
    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        var request = request
        request.environment = environment.merging(request.environment)
        let record = CommandRecord(request, log: log)
        do throws(BackendError) {
            let execution = try await view.start(request)
            return log.records(.exec) ? LoggedExecution(execution, record) : execution
        } catch {
            record.failed(error.code)
            throw error
        }
    }
}

/// Records one command, once.
private final class CommandRecord: Sendable {
    private let log: ScopeLog
    private let request: ExecRequest
    private let start = ContinuousClock.now
    private let outputs = CommandOutputTally()
    private let isRecorded = Atomic<Bool>(false)

    init(_ request: ExecRequest, log: ScopeLog) {
        self.request = request
        self.log = log
    }

    func wrote(_ bytes: ByteBuffer, to stream: CommandStream) {
        outputs.add(bytes, to: stream)
    }

    func failed(_ code: BackendError.Code) {
        record { $0.failure = code }
    }

    func ended(_ end: ExecEnd) {
        record { entry in
            switch end.outcome {
            case .exited, .signaled: entry.exitCode = end.outcome.exitCode
            case .timedOut, .outOfMemory, .outputLimit, .cpuTimeLimit, .fileSizeLimit, .diskQuota:
                entry.failure = .execFailed
            case .cancelled: entry.failure = .cancelled
            case .shuttingDown: entry.failure = .shuttingDown
            case .spawnFailed: entry.failure = .execError
            }
        }
    }

    private func record(_ tell: (inout OperationRecord) -> Void) {
        guard log.records(.exec), !isRecorded.exchange(true, ordering: .relaxed) else { return }
        var entry = OperationRecord(
            operation: LoggedOperation.exec.name,
            subject: WorkspacePath.printable(request.program.line),
            duration: start.duration(to: .now)
        )
        outputs.fill(&entry)
        tell(&entry)
        log.record(entry, environment: request.environment)
    }
}

private struct LoggedExecution: CommandExecution {
    private let execution: any CommandExecution
    private let record: CommandRecord

    init(_ execution: any CommandExecution, _ record: CommandRecord) {
        self.execution = execution
        self.record = record
    }

    var isolation: String { execution.isolation }

    func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        do throws(BackendError) {
            let bytes = try await execution.readOutput(stream, upTo: count)
            if let bytes { record.wrote(bytes, to: stream) }
            return bytes
        } catch {
            record.failed(error.code)
            throw error
        }
    }

    func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        try await execution.writeInput(bytes)
    }

    func closeInput() {
        execution.closeInput()
    }

    func signal(_ number: Int32) async throws(BackendError) {
        try await execution.signal(number)
    }

    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        try await execution.resizeTerminal(to: size)
    }

    func terminate() {
        execution.terminate()
    }

    func waitForEnd() async -> ExecEnd {
        let end = await execution.waitForEnd()
        record.ended(end)
        return end
    }
}
