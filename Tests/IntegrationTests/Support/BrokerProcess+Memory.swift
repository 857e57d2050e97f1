import Foundation

extension BrokerProcess {
    /// Bytes of memory that the broker has now, and had at most.
    struct Memory: Sendable, CustomStringConvertible {
        let resident: Int
        let peak: Int

        var description: String { "\(resident >> 20) MiB resident, \(peak >> 20) MiB at most" }
    }

    /// proc_pid_status(5).
    var memory: Memory {
        let lines = (try? String(contentsOfFile: "/proc/\(ready.pid)/status", encoding: .utf8)) ?? ""
        func kilobytes(_ name: String) -> Int {
            let line = lines.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return Int(line.filter { $0.isNumber }) ?? 0
        }
        return Memory(resident: kilobytes("VmRSS:") << 10, peak: kilobytes("VmHWM:") << 10)
    }

    /// From here on the peak is counted anew: proc_pid_clear_refs(5).
    func forgetPeak() throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "/proc/\(ready.pid)/clear_refs"))
        try handle.write(contentsOf: Data("5".utf8))
        try handle.close()
    }
}
