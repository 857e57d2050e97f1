internal import Glibc

/// A memory cgroup of its own for a program and all that it starts. What they share is counted once, and what the kernel
/// keeps for them is counted as well.
struct MemoryGroup {
    private let directory: String

    struct Usage {
        /// Of the processes, in bytes; what files could be read from again is left out.
        let processes: Int
        /// The kernel's: page tables, stacks, objects.
        let kernel: Int
    }

    /// Makes one beneath this process's own, and removes it when `body` is done and nothing runs in it. Throws where the
    /// host does not let it: that takes root, and the memory controller of cgroup v1.
    static func run<Result>(_ body: (MemoryGroup) throws(LoadFailure) -> Result) throws(LoadFailure) -> Result {
        let line = (ProcFile.text("/proc/self/cgroup") ?? "").split(separator: "\n").first { $0.contains(":memory:/") }
        guard let line, let slash = line.firstIndex(of: "/") else {
            throw .settings("memory of sandboxes: this host has no memory controller of cgroup v1")
        }
        let group = MemoryGroup(directory: "/sys/fs/cgroup/memory\(line[slash...])/loadtest-\(getpid())")
        guard mkdir(group.directory, 0o755) == 0 else { throw .system("mkdir", group.directory) }
        defer { rmdir(group.directory) }
        return try body(group)
    }

    /// The program, in this group from its first instruction on.
    func holding(_ program: ProgramStart) -> ProgramStart {
        var program = program
        let script = #"echo $$ > "$0/cgroup.procs" && exec "$@""#
        program.arguments = ["-c", script, directory, program.executable] + program.arguments
        program.executable = "/bin/sh"
        return program
    }

    func usage() throws(LoadFailure) -> Usage {
        guard let all = number("memory.usage_in_bytes"), let kernel = number("memory.kmem.usage_in_bytes"),
            let statistics = ProcFile.text("\(directory)/memory.stat"), let files = Self.bytesOfFiles(statistics)
        else { throw .child("cannot read the memory of \(directory)") }
        return Usage(processes: all - kernel - files, kernel: kernel)
    }

    /// From the text of a group's memory.stat; nil where it does not tell.
    static func bytesOfFiles(_ statistics: String) -> Int? {
        let lines = statistics.split(separator: "\n").filter {
            $0.hasPrefix("total_inactive_file ") || $0.hasPrefix("total_active_file ")
        }
        let numbers = lines.compactMap { Int($0.drop { $0 != " " }.dropFirst()) }
        return numbers.count == 2 ? numbers[0] + numbers[1] : nil
    }

    private func number(_ file: String) -> Int? {
        ProcFile.text("\(directory)/\(file)").flatMap { Int($0.prefix { $0.isNumber }) }
    }
}
