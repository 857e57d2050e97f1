internal import CLinux
internal import Glibc
internal import Logging
internal import NIOCore

/// What event loops are ahead of other threads by, where both want the processors: a call is answered in microseconds,
/// and would wait for as long as those that compute let it.
enum EventLoopPriority {
    /// Raises the threads of the loops by so many levels of nice(2), where the process may: that takes CAP_SYS_NICE. They
    /// take short turns, too: a thread that wakes up else waits for the end of another one's, which is up to a tick of the
    /// kernel's. What they start has the ordinary level. A process that was given another one, or another policy, keeps
    /// it.
    ///
    /// Levels count between threads of one control group, or autogroup. Commands have groups of their own, where
    /// `exec.total_cpu_weight` counts: against the broker's group, or against each of its threads with its levels.
    static func raise(_ eventLoops: [any EventLoop], by levels: Int, logger: Logger) {
        guard levels > 0 else { return }
        for (index, eventLoop) in eventLoops.enumerated() {
            eventLoop.execute {
                let result = linux_raise_thread(Int32(levels))
                // One for all.
                guard result != 0, index == 0 else { return }
                logger.info(
                    "event loops have no priority over other threads: give the broker CAP_SYS_NICE for that",
                    metadata: ["why": "\(String(cString: strerror(-result)))"]
                )
            }
        }
    }
}
