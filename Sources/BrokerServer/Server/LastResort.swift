internal import AgentBackend
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Ends the process a second after the second SIGTERM or SIGINT, with 1: whatever hangs then, it hears of signals by
/// itself and waits for nothing. Commands die with the process, and what else is left the next start sweeps.
///
/// Until ``cancel()``.
final class LastResort {
    private let sources: [any DispatchSourceSignal]

    init() {
        let queue = DispatchQueue(label: "second-signal")
        let count = Counter()
        sources = [SIGTERM, SIGINT].map { DispatchSource.makeSignalSource(signal: $0, queue: queue) }
        for source in sources {
            source.setEventHandler {
                if count.add() == 2 { Self.endSoon() }
            }
            source.resume()
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }

    /// What is said where there is time for it.
    static let error = BackendError(
        .cancelled,
        message: "a second signal ended the broker at once: calls in flight were cut off"
    )

    private static func endSoon() {
        do throws(BackendError) {
            try DedicatedThread.start(name: "last-resort") {
                sleep(1)
                end()
            }
        } catch {
            end()
        }
    }

    private static func end() -> Never {
        var output = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if poll(&output, 1, 0) == 1 {
            let line = Array("agent-broker: \(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
        }
        _exit(1)
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)

        func add() -> Int { value.add(1, ordering: .relaxed).newValue }
    }
}
