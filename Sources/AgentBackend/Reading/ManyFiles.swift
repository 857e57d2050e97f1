public import NIOCore

/// What one call about several files may hold.
public enum ManyFiles {
    /// Most paths.
    public static let maximumCount = 1000
    /// Most bytes of all paths together.
    public static let maximumPathBytes = 128 << 10
    /// Most bytes that are read of all files together.
    public static let maximumBytes = 768 << 10

    /// Throws `INVALID_ARGUMENT` for more paths, or bytes of all of them, than one call may be about.
    package static func check(count: Int, bytes: Int) throws(BackendError) {
        guard count <= maximumCount, bytes <= maximumPathBytes else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "\(count) paths of \(bytes) bytes in one call: at most \(maximumCount) of \(maximumPathBytes) "
                    + "bytes work; ask for them in several"
            )
        }
    }
}

/// How several files are read at once.
public struct ReadManyOptions: Sendable, Hashable {
    /// Bytes of each file, at most. 0: no other limit than ``ManyFiles/maximumBytes`` for all.
    public var maximumBytesPerFile: Int

    public init(maximumBytesPerFile: Int = 0) {
        self.maximumBytesPerFile = maximumBytesPerFile
    }

    /// Bytes that may be read of the next file, where there is room for so many.
    package func share(of room: Int) -> Int { maximumBytesPerFile > 0 ? min(maximumBytesPerFile, room) : room }
}

/// A file that was read together with others.
public struct FileContents: Sendable, Hashable {
    public var info: FileInfo
    /// From the start of the file.
    public var bytes: ByteBuffer
    /// The file has more: a limit was reached. Where there was no room at all, ``bytes`` is empty.
    public var isTruncated: Bool

    public init(info: FileInfo, bytes: ByteBuffer, isTruncated: Bool = false) {
        self.info = info
        self.bytes = bytes
        self.isTruncated = isTruncated
    }
}

extension [WorkspacePath] {
    /// Throws `INVALID_ARGUMENT` for more than one call may be about.
    package func checkFitOneCall() throws(BackendError) {
        try ManyFiles.check(count: count, bytes: reduce(0) { $0 + $1.bytes.count })
    }

    /// The same paths in their order, as many at a time as one call may be about.
    package var batches: [ArraySlice<WorkspacePath>] {
        var batches: [ArraySlice<WorkspacePath>] = []
        var (start, bytes) = (0, 0)
        for (index, path) in enumerated() {
            if index - start == ManyFiles.maximumCount || bytes + path.bytes.count > ManyFiles.maximumPathBytes {
                batches.append(self[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += path.bytes.count
        }
        if start < count { batches.append(self[start...]) }
        return batches
    }
}

extension [[UInt8]] {
    /// Paths for a log: no more of them than one path may have bytes.
    package var listedPaths: [UInt8] {
        [UInt8](joined(separator: [UInt8(ascii: " ")]).prefix(WorkspacePath.maximumLength))
    }
}
