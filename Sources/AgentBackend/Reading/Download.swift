public import NIOCore

/// A file that is read in several goes, where connections are lost, and compared with its checksum at the end. A value.
public struct Download: Sendable {
    /// Of the file that is read. One that became another version is `CONFLICT`. Nil: whichever is there at first.
    public private(set) var etag: Etag?
    private var checksum = RunningChecksum()

    public init(etag: Etag? = nil) {
        self.etag = etag
    }

    /// Bytes that are here.
    public var offset: UInt64 { checksum.count }

    /// Takes bytes that came before: they are not read again.
    public mutating func add(_ bytes: ByteBuffer) {
        checksum.add(bytes)
    }

    /// Goes on to the end of the file, and calls `write` with each piece. A read that loses its connection is made again,
    /// up to `attempts` times without another byte.
    package mutating func run(
        _ path: WorkspacePath,
        attempts: Int,
        open: (ReadRange) async throws(BackendError) -> any FileReader,
        check: () async throws(BackendError) -> FileChecksum,
        write: (ByteBuffer) async throws -> Void
    ) async throws -> FileInfo {
        var rest = attempts
        while true {
            let before = offset
            do {
                let reader = try await open(ReadRange(offset: offset))
                do {
                    try await read(reader, path, write)
                    await reader.close()
                } catch {
                    await reader.close()
                    throw error
                }
                let present = try await check()
                guard present.info.etag == etag else {
                    throw BackendError.versionConflict(path, current: present.info.etag)
                }
                guard present.sha256 == checksum.sha256 else {
                    throw BackendError(
                        .readFailed,
                        reason: .io,
                        message: "\(path) came with other bytes: read it again"
                    )
                }
                return present.info
            } catch let error as BackendError where error.code == .connectionClosed {
                rest = offset > before ? attempts : rest - 1
                guard rest > 0, !Task.isCancelled else { throw error }
            }
        }
    }

    private mutating func read(
        _ reader: any FileReader,
        _ path: WorkspacePath,
        _ write: (ByteBuffer) async throws -> Void
    ) async throws {
        if let etag, reader.info.etag != etag { throw BackendError.versionConflict(path, current: reader.info.etag) }
        etag = reader.info.etag
        while let piece = try await reader.read(upTo: 256 << 10) {
            try await write(piece)
            checksum.add(piece)
        }
    }
}

extension Backend {
    /// Reads a file to its end, from where `download` is, and compares what came with its checksum. A connection that is
    /// lost is waited for, up to `attempts` times without another byte. Throws what `write` throws, and `CONFLICT` where
    /// the file became another version.
    @discardableResult
    public func download(
        _ path: WorkspacePath,
        _ download: inout Download,
        attempts: Int = 5,
        write: (ByteBuffer) async throws -> Void
    ) async throws -> FileInfo {
        try await download.run(
            path,
            attempts: attempts,
            open: { range throws(BackendError) in try await openReader(path, range: range) },
            check: { () throws(BackendError) in try await checksum(path, range: .all) },
            write: write
        )
    }
}
