internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

/// A tar archive that is made of what a walk meets, piece by piece. A value that rests between two turns; its encoder goes
/// with it.
struct Archiving: Sendable {
    private let top: WorkspacePath
    private let options: ArchiveOptions
    private let encoder: ArchiveEncoder
    /// Nil: what is archived is one file.
    private var walk: DirectoryWalk<Void>?
    private var file: OpenFile?
    private var tally = ArchiveSummary()
    private(set) var isFinished = false

    /// A file whose header is written.
    private struct OpenFile {
        let descriptor: FileDescriptorHandle
        /// When it was opened.
        let status: Glibc.stat
        var offset: UInt64 = 0
    }

    init(_ path: WorkspacePath, _ options: ArchiveOptions, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        top = path
        self.options = options
        encoder = try refusing { () throws(BackendError) in try ArchiveEncoder(options.compression) }
        let found = try files.access.open(path, flags: UInt64(O_RDONLY | O_NONBLOCK | O_NOCTTY))
        let status = try found.status()
        switch status.kind {
        case .directory: walk = DirectoryWalk(found, at: path, (), after: nil)
        case .regular:
            try begin(try Self.path([path.parentAndName?.name ?? []]), found, status, files)
        default: throw .errno(ENXIO)
        }
    }

    var summary: ArchiveSummary {
        var summary = tally
        summary.skipped += walk?.skipped ?? 0
        return summary
    }

    /// Goes on until there are `count` bytes, the turn is over or the archive is whole, and takes what there is.
    mutating func advance(
        upTo count: Int,
        _ files: LocalFiles,
        _ turn: inout FileTurn
    ) throws(DirectoryAccess.Failure) -> ByteBuffer? {
        while !isFinished, encoder.count < count, !turn.isOver(each: 1) {
            if file != nil {
                try addToFile(files)
            } else if let entry = try walk?.next(files.cancellation, { _, _, _ in true }) {
                try add(entry, files)
            } else {
                try refusing { () throws(BackendError) in try encoder.finish() }
                isFinished = true
            }
        }
        return encoder.take(upTo: count)
    }

    private mutating func add(
        _ entry: DirectoryWalk<Void>.Entry,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        guard let inner = entry.path.relative(to: top),
            !options.excludes(inner, isDirectory: entry.kind == .directory)
        else { return }
        do throws(DirectoryAccess.Failure) {
            switch entry.kind {
            case .regular:
                let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
                let opened = try entry.directory.open(entry.name, flags: flags)
                let status = try opened.status()
                guard status.kind == .regular else { return }
                try begin(inner, opened, status, files)
            case .directory:
                guard let status = try entry.directory.status(of: entry.name), status.kind == .directory else { return }
                try begin(inner, .directory, status, files)
                try walk?.descend(into: entry, ())
            case .symbolicLink:
                let link = try entry.directory.open(entry.name, flags: Int32(linux_o_path))
                let status = try link.status()
                guard status.kind == .symbolicLink else { return }
                try begin(inner, .link(try link.readLink()), status, files)
            default: tally.skipped += 1
            }
        } catch {
            switch error {
            // It vanished, or became something else.
            case .errno(ENOENT), .errno(ELOOP), .errno(ENOTDIR): return
            case .errno(EMFILE), .errno(ENFILE): throw error
            case .errno: tally.skipped += 1
            default: throw error
            }
        }
    }

    private mutating func begin(
        _ inner: WorkspacePath,
        _ opened: FileDescriptorHandle,
        _ status: Glibc.stat,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        try begin(inner, .file(size: UInt64(clamping: status.st_size)), status, files)
        tally.bytes += UInt64(clamping: status.st_size)
        file = OpenFile(descriptor: opened, status: status)
        try check(files)
    }

    private mutating func begin(
        _ inner: WorkspacePath,
        _ content: ArchivedEntry.Content,
        _ status: Glibc.stat,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        tally.entries += 1
        try check(files)
        let entry = ArchivedEntry(
            path: inner,
            content: content,
            permissions: status.st_mode,
            modifiedNanoseconds: status.st_mtim.nanoseconds
        )
        try refusing { () throws(BackendError) in try encoder.begin(entry) }
    }

    private func check(_ files: LocalFiles) throws(DirectoryAccess.Failure) {
        try refusing { () throws(BackendError) in try files.limits.archive.check(tally) }
    }

    /// What a file lacks of its size is filled up with zeros when the next entry begins.
    private mutating func addToFile(_ files: LocalFiles) throws(DirectoryAccess.Failure) {
        guard let open = file else { return }
        try files.cancellation.check()
        let rest = UInt64(clamping: open.status.st_size) - open.offset
        let piece =
            rest > 0
            ? try open.descriptor.read(upTo: Int(min(rest, Self.pieceLength)), at: open.offset) : ByteBuffer()
        file?.offset += UInt64(piece.readableBytes)
        try refusing { () throws(BackendError) in
            try piece.withUnsafeReadableBytes { bytes throws(BackendError) in try encoder.write(bytes) }
        }
        guard piece.readableBytes == 0 || UInt64(piece.readableBytes) == rest else { return }
        if let now = try? open.descriptor.status(), !now.isVersion(of: open.status) { tally.changed += 1 }
        file = nil
    }

    private static func path(_ names: [[UInt8]]) throws(DirectoryAccess.Failure) -> WorkspacePath {
        try refusing { () throws(BackendError) in try WorkspacePath(joining: names) }
    }

    private static let pieceLength: UInt64 = 128 << 10
}

/// What `body` refuses is told as it is.
func refusing<Value>(_ body: () throws(BackendError) -> Value) throws(DirectoryAccess.Failure) -> Value {
    do throws(BackendError) {
        return try body()
    } catch {
        throw .refused(error)
    }
}
