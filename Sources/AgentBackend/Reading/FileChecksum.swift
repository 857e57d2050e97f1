import Crypto
public import NIOCore

/// SHA-256 of a file, or of a range of it.
public struct FileChecksum: Sendable, Hashable {
    /// Of the file that was read, whatever the range.
    public var info: FileInfo
    /// 32 bytes.
    public var sha256: [UInt8]
    /// In the range.
    public var bytes: UInt64

    public init(info: FileInfo, sha256: [UInt8], bytes: UInt64) {
        self.info = info
        self.sha256 = sha256
        self.bytes = bytes
    }
}

/// SHA-256 of bytes that come piece by piece. A value.
public struct RunningChecksum: Sendable {
    private var hash = SHA256()
    /// Bytes so far.
    public private(set) var count: UInt64 = 0

    public init() {}

    public mutating func add(_ piece: ByteBuffer) {
        piece.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
        count += UInt64(piece.readableBytes)
    }

    /// Of what was added so far.
    public var sha256: [UInt8] { Array(hash.finalize()) }
}

extension Backend {
    /// Reads a file from front to back, a piece at a time, and not on the caller's executor.
    @concurrent
    package func checksumByReading(
        _ path: WorkspacePath,
        range: ReadRange
    ) async throws(BackendError) -> FileChecksum {
        let reader = try await openReader(path, range: range)
        do throws(BackendError) {
            var checksum = RunningChecksum()
            while let piece = try await reader.read(upTo: 1 << 20) {
                guard !Task.isCancelled else {
                    throw BackendError(.cancelled, message: "the call was cancelled while it read \(path)")
                }
                checksum.add(piece)
            }
            await reader.close()
            guard checksum.count == range.span(ofFileWith: reader.info.size).count else {
                throw BackendError(
                    .readFailed,
                    reason: .busy,
                    message: "\(path) became shorter while it was read: try again",
                    isRetryable: true
                )
            }
            return FileChecksum(info: reader.info, sha256: checksum.sha256, bytes: checksum.count)
        } catch {
            await reader.close()
            throw error
        }
    }
}
