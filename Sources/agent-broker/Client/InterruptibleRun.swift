import AgentBackend
import Glibc

/// Runs the work of a command until it is done, or a signal asks for its end, and says what went wrong.
struct InterruptibleRun {
    let asJSON: Bool
    let signals: [Int32]

    init(asJSON: Bool, endingAt signals: [Int32] = [SIGINT, SIGTERM]) {
        self.asJSON = asJSON
        self.signals = signals
    }

    private enum Event: Sendable {
        case ended(Result<ExitStatus, any Error>)
        case caught(signal: Int32)
        case noSignal
    }

    /// The signals cancel the work. It is over when it says so: what it does remotely is stopped by then. A
    /// second signal ends the process at once.
    func status(of work: @escaping @Sendable () async throws -> ExitStatus) async -> ExitStatus {
        // A reader that went away is an error of write(2).
        signal(SIGPIPE, SIG_IGN)
        let signals: TerminationSignals
        do {
            signals = try TerminationSignals(self.signals)
        } catch {
            return status(of: error)
        }
        return await withTaskGroup(of: Event.self) { group in
            group.addTask {
                do {
                    return .ended(.success(try await work()))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask { (try? await signals.next()).map { .caught(signal: $0) } ?? .noSignal }
            var caught: Int32?
            while let event = await group.next() {
                switch event {
                case .ended(let result):
                    group.cancelAll()
                    return status(of: result, caught: caught)
                case .caught(let signal):
                    caught = signal
                    group.cancelAll()
                case .noSignal:
                    break
                }
            }
            return .fault
        }
    }

    private func status(of result: Result<ExitStatus, any Error>, caught: Int32?) -> ExitStatus {
        switch (result, caught) {
        case (.success(let status), nil):
            return status
        case (.success, let signal?):
            return .signal(signal)
        case (.failure(let error), nil):
            return status(of: error)
        case (.failure(let error), let signal?):
            // What was asked for need not be told.
            if let error = error as? BackendError, error.code != .cancelled { _ = status(of: error) }
            return .signal(signal)
        }
    }

    /// Tells of the error.
    private func status(of error: any Error) -> ExitStatus {
        switch error {
        case Descriptor.Failure.brokenPipe:
            return .signal(SIGPIPE)
        case Descriptor.Failure.system(let attempt, let name, let number):
            // Nothing that the broker is to blame for.
            return report(
                BackendError(
                    attempt == .read ? .readFailed : .writeFailed,
                    systemErrno: number,
                    message: "cannot \(attempt.rawValue) \(name): \(String(cString: strerror(number)))"
                )
            )
        case let error as BackendError:
            return report(error)
        default:
            return report(BackendError(.internal, message: "\(error)"))
        }
    }

    private func report(_ error: BackendError) -> ExitStatus {
        // The write of standard input to a file fails for what the descriptor says.
        if let cause = error.cause as? Descriptor.Failure { return status(of: cause) }
        ExitStatus.report(error, asJSON: asJSON)
        return ExitStatus(error)
    }
}
