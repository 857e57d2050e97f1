/// Memory of a process, in bytes.
struct ProcessMemory {
    /// Of its own and in use: the resident set.
    let resident: Int
    /// The kernel's, for the process's page tables.
    let pageTables: Int

    /// Throws when the process is gone.
    init(pid: Int32) throws(LoadFailure) {
        guard let text = ProcFile.text("/proc/\(pid)/status"),
            let memory = ProcessMemory(status: text)
        else { throw .child("cannot read the memory of process \(pid): is it still running?") }
        self = memory
    }

    /// From the text of proc_pid_status(5); nil where it tells of no memory.
    init?(status: String) {
        var kilobytes: [Substring: Int] = [:]
        for line in status.split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == " " || $0 == "\t" }
            if words.count == 3, words[2] == "kB" { kilobytes[words[0]] = Int(words[1]) }
        }
        guard let resident = kilobytes["VmRSS"], let pageTables = kilobytes["VmPTE"] else { return nil }
        self.resident = resident << 10
        self.pageTables = pageTables << 10
    }
}
