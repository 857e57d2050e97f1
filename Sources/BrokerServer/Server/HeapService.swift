internal import AgentBackend
internal import CLinux
internal import Logging
internal import ServiceLifecycle

/// Gives memory back that a time of much work left behind: malloc(3) keeps what lies between pieces that are in use.
struct HeapService: Service {
    let logger: Logger
    /// Of the host: it is no matter of what the broker does.
    var clock: any Clock<Duration> = .continuous

    /// Between two looks.
    private static let interval: Duration = .seconds(30)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var heap = HeapTrimming()
            while true {
                do {
                    try await clock.sleep(for: Self.interval)
                } catch {
                    return
                }
                let unused = linux_unused_heap()
                guard heap.looked(unused: unused) else { continue }
                linux_trim_heap()
                logger.debug("gave memory back", metadata: ["bytes": "\(unused)"])
            }
        }
    }
}

/// When what the heap does not use is given back: what lay idle from one look to the next. Whoever needs memory again
/// and again is not made to fetch it each time. A value.
struct HeapTrimming {
    /// Bytes that are worth it.
    static let worthwhile = 64 << 20

    private var wasWorthwhile = false

    /// Returns whether to give it back now.
    mutating func looked(unused: Int) -> Bool {
        let isWorthwhile = unused >= Self.worthwhile
        defer { wasWorthwhile = isWorthwhile && !wasWorthwhile }
        return isWorthwhile && wasWorthwhile
    }
}
