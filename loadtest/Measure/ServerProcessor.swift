internal import FoundationEssentials
internal import Glibc

/// Processor time of other processes, from /proc.
struct ServerProcessor {
    let pids: [pid_t]

    /// Nanoseconds that all of them have run on a processor, or nil where there is none to ask.
    ///
    /// Exact to the nanosecond where the kernel keeps schedstat, but then without the threads that have ended:
    /// take differences only over a time in which the server's threads stay. Otherwise in clock ticks (10 ms).
    /// Throws when a process is gone.
    func nanoseconds() throws(LoadFailure) -> UInt64? {
        guard !pids.isEmpty else { return nil }
        var sum: UInt64 = 0
        for pid in pids {
            guard let time = Self.ofThreads(pid) ?? Self.ofProcess(pid) else {
                throw .child("cannot read the processor time of process \(pid): is it still running?")
            }
            sum += time
        }
        return sum
    }

    private static func ofThreads(_ pid: pid_t) -> UInt64? {
        let tasks = "/proc/\(pid)/task"
        guard let threads = try? FileManager.default.contentsOfDirectory(atPath: tasks) else { return nil }
        // A thread may end between the listing and the look at it.
        let times = threads.compactMap { schedstat(ProcFile.text("\(tasks)/\($0)/schedstat") ?? "") }
        return times.contains { $0 > 0 } ? times.reduce(0, +) : nil
    }

    private static func ofProcess(_ pid: pid_t) -> UInt64? {
        guard let ticks = stat(ProcFile.text("/proc/\(pid)/stat") ?? "") else { return nil }
        return ticks * 1_000_000_000 / UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    }

    /// Nanoseconds on a processor, from the text of a schedstat file: `RUN WAIT SLICES`.
    static func schedstat(_ text: String) -> UInt64? {
        text.split(separator: " ").first.flatMap { UInt64($0) }
    }

    /// User and system time in clock ticks, from the text of proc_pid_stat(5).
    static func stat(_ text: String) -> UInt64? {
        // The command's name may hold spaces and parentheses; what follows the last one is fields 3 and up.
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else { return nil }
        return user + system
    }
}
