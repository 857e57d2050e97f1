internal import AgentBackend
internal import Glibc

/// What an operation did to what a workspace holds.
struct UsageChange: Sendable, Hashable {
    var files: Int64 = 0
    var directories: Int64 = 0
    /// Of regular files, as stat tells them.
    var bytes: Int64 = 0
    /// That they take on the disk.
    var allocatedBytes: Int64 = 0

    /// Something with this status has a name now.
    mutating func add(_ status: Glibc.stat) { count(status, 1) }

    /// It has none any more.
    mutating func remove(_ status: Glibc.stat) { count(status, -1) }

    /// A regular file has grown, under all of its names.
    mutating func grow(from before: Glibc.stat, to after: Glibc.stat) {
        let names = Int64(clamping: after.st_nlink)
        bytes += names * (Int64(after.st_size) - Int64(before.st_size))
        allocatedBytes += names * (Int64(clamping: after.allocatedBytes) - Int64(clamping: before.allocatedBytes))
    }

    private mutating func count(_ status: Glibc.stat, _ sign: Int64) {
        guard status.kind != .directory else { return directories += sign }
        files += sign
        guard status.kind == .regular else { return }
        bytes += sign * Int64(status.st_size)
        allocatedBytes += sign * Int64(clamping: status.allocatedBytes)
    }

    static func += (left: inout Self, right: Self) {
        left.files += right.files
        left.directories += right.directories
        left.bytes += right.bytes
        left.allocatedBytes += right.allocatedBytes
    }
}

extension DiskUsage {
    mutating func apply(_ change: UsageChange) {
        files = files.changed(by: change.files)
        directories = directories.changed(by: change.directories)
        bytes = bytes.changed(by: change.bytes)
        allocatedBytes = allocatedBytes.changed(by: change.allocatedBytes)
    }
}

extension UInt64 {
    fileprivate func changed(by change: Int64) -> UInt64 {
        change < 0 ? self - Swift.min(self, change.magnitude) : self &+ change.magnitude
    }
}
