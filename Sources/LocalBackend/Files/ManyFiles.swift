internal import AgentBackend
internal import Glibc
internal import NIOCore

/// One path after the other, each with what it would be answered with alone.
struct WorkOnEach<Value: Sendable>: WorkInTurns {
    private let paths: [WorkspacePath]
    /// Bytes that may still be read.
    private var room = ManyFiles.maximumBytes
    private var results: [Result<Value, BackendError>] = []
    private let body: Body

    typealias Body =
        @Sendable (LocalFiles, WorkspacePath, _ room: inout Int) throws(DirectoryAccess.Failure) -> Value

    init(_ paths: [WorkspacePath], _ body: @escaping Body) {
        self.paths = paths
        self.body = body
    }

    mutating func advance(
        _ files: LocalFiles,
        _ turn: inout FileTurn
    ) throws(DirectoryAccess.Failure) -> [Result<Value, BackendError>]? {
        while results.count < paths.count {
            guard !turn.isOver(each: 8) else { return nil }
            try files.cancellation.check()
            let path = paths[results.count]
            do throws(DirectoryAccess.Failure) {
                results.append(.success(try body(files, path, &room)))
            } catch .errno(ENOENT) where files.access.root.isRemoved {
                // None of the others is there either: a scope's root may be made anew.
                throw .errno(ENOENT)
            } catch {
                results.append(.failure(error.error(.readFailed, path)))
            }
        }
        return results
    }
}

extension LocalFiles {
    /// A file from its start on.
    func readBeginning(_ path: WorkspacePath, maximum: Int) throws(DirectoryAccess.Failure) -> FileContents {
        let (descriptor, info) = try openForReading(path)
        let wanted = Int(min(UInt64(maximum), info.size))
        var bytes = ByteBuffer()
        while bytes.readableBytes < wanted {
            let offset = UInt64(bytes.readableBytes)
            var piece = try descriptor.read(upTo: wanted - bytes.readableBytes, at: offset)
            // It became shorter.
            guard piece.readableBytes > 0 else { break }
            bytes.writeBuffer(&piece)
        }
        return FileContents(info: info, bytes: bytes, isTruncated: info.size > UInt64(maximum))
    }
}
