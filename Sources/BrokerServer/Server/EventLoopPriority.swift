internal import CLinux
internal import Glibc
internal import Logging
internal import NIOCore

/// What event loops are ahead of commands by, where both want the processors: a call is answered in microseconds, and
/// would wait for as long as commands that compute let it.
enum EventLoopPriority {
    /// Raises the threads of the loops by so many levels of nice(2), where the process may: that takes CAP_SYS_NICE.
    /// What they start has the ordinary level. A process that was given another one keeps it.
    static func raise(_ eventLoops: [any EventLoop], by levels: Int, logger: Logger) {
        guard levels > 0 else { return }
        for eventLoop in eventLoops {
            eventLoop.execute {
                let result = linux_raise_thread(Int32(levels))
                guard result != 0 else { return }
                logger.debug(
                    "an event loop has no priority over commands",
                    metadata: ["why": "\(String(cString: strerror(-result)))"]
                )
            }
        }
    }
}
