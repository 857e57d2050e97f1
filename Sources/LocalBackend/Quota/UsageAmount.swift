internal import AgentBackend
internal import Glibc

/// What a quota bounds: room on a disk, and things that have a name there.
package struct UsageAmount: Sendable, Hashable {
    /// That regular files take on the disk. What directories and links take is bounded by how many there are.
    package var bytes: UInt64
    /// Files of all kinds, and directories. One with several names counts once for each, as its bytes do.
    package var inodes: UInt64

    package init(bytes: UInt64 = 0, inodes: UInt64 = 0) {
        self.bytes = bytes
        self.inodes = inodes
    }

    var isZero: Bool { bytes == 0 && inodes == 0 }

    /// In one of both.
    func exceeds(_ other: Self) -> Bool { bytes > other.bytes || inodes > other.inodes }

    static func + (left: Self, right: Self) -> Self {
        Self(bytes: left.bytes &+ right.bytes, inodes: left.inodes &+ right.inodes)
    }

    /// Never below nothing: a mistake in one tenant's accounts must not end the process of all.
    static func - (left: Self, right: Self) -> Self {
        Self(
            bytes: left.bytes - min(left.bytes, right.bytes),
            inodes: left.inodes - min(left.inodes, right.inodes)
        )
    }
}

extension UsageAmount {
    init(_ usage: DiskUsage) {
        self.init(bytes: usage.allocatedBytes, inodes: usage.files + usage.directories)
    }

    /// What one file with this status counts for.
    init(_ status: Glibc.stat) {
        self.init(bytes: status.countedBytes, inodes: 1)
    }

    /// What a regular file of so many bytes will count for.
    init(ofFileWith size: UInt64) {
        self.init(bytes: Self.allocated(size), inodes: 1)
    }

    /// The bytes of the blocks that so many bytes need. File systems with larger blocks take more, which counts once they
    /// have.
    static func allocated(_ size: UInt64) -> UInt64 {
        let (sum, overflow) = size.addingReportingOverflow(blockLength - 1)
        return overflow ? .max : sum / blockLength * blockLength
    }

    private static let blockLength: UInt64 = 4096
}

extension Glibc.stat {
    /// That it counts for against a quota.
    var countedBytes: UInt64 { kind == .regular ? allocatedBytes : 0 }

    /// That it takes on the disk.
    var allocatedBytes: UInt64 {
        // Of 512 bytes each, whatever the file system's are; stat(2).
        UInt64(clamping: st_blocks) * 512
    }
}
