internal import CLinux
internal import Glibc

/// What this process has of its host, as the kernel tells. Zero where it does not.
package struct ProcessMetrics: Sendable {
    package private(set) var openDescriptors = 0
    package private(set) var maximumDescriptors = 0
    package private(set) var residentBytes: UInt64 = 0
    package private(set) var virtualBytes: UInt64 = 0
    package private(set) var threads = 0
    /// Without the commands that it runs.
    package private(set) var processorTime = Duration.zero

    init() {}

    /// Reads a few files of /proc, which takes some microseconds for each thousand of open descriptors.
    static var current: ProcessMetrics {
        var metrics = ProcessMetrics()
        metrics.maximumDescriptors = ProcessSettings.descriptorLimit
        // Without the one that they are read by.
        metrics.openDescriptors = max(0, countEntries(of: "/proc/self/fd") - 1)
        let pages = (try? SmallFile.read("/proc/self/statm", atMost: 4096)).flatMap(\.self).map(numbers(in:)) ?? []
        let pageLength = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        if pages.count > 1 {
            (metrics.virtualBytes, metrics.residentBytes) = (pages[0] * pageLength, pages[1] * pageLength)
        }
        metrics.processorTime = .nanoseconds(Int64(clamping: clinux_process_nanoseconds()))
        metrics.threads = countEntries(of: "/proc/self/task")
        return metrics
    }

    private static func numbers(in bytes: [UInt8]) -> [UInt64] {
        String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
    }

    private static func countEntries(of directory: String) -> Int {
        guard let stream = opendir(directory) else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while readdir(stream) != nil { count += 1 }
        // "." and "..".
        return max(0, count - 2)
    }
}
