internal import FoundationEssentials
internal import Glibc

/// What threads have of nice(2). On Linux it is a thread's own.
enum Niceness {
    /// Runs `body` with the calling thread at the nice value of the foremost thread of a server, where that is allowed.
    ///
    /// A generator stands for clients on other machines, but shares the processors. Behind the server's threads it would
    /// wait until those have nothing more to do, and then they for it; ahead of them it would stop them for each answer.
    static func ofServer<Result>(
        _ pid: pid_t,
        _ body: () throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let own = getpriority(process, 0)
        set(min(own, foremost(of: pid) ?? own))
        defer { set(own) }
        return try body()
    }

    /// Of the calling thread, and what it starts; where that is not allowed, it stays as it is.
    private static func set(_ value: Int32) { setpriority(process, 0, value) }

    private static var process: __priority_which_t { Int32(PRIO_PROCESS.rawValue) }

    /// Nil: the process is gone.
    private static func foremost(of pid: pid_t) -> Int32? {
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
        return threads?.compactMap { id_t($0) }.compactMap { thread in
            errno = 0
            let value = getpriority(process, thread)
            // -1 is a value too.
            return errno == 0 ? value : nil
        }.min()
    }
}
