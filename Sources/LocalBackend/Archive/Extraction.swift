internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

/// Makes what an archive holds, entry by entry, beneath one open directory. No symbolic link is followed on the way, not
/// even one that was there before, so that nothing is made anywhere else, whatever is swapped in meanwhile.
struct Extraction: WorkInTurns {
    private let decoder: ArchiveDecoder
    private let options: ExtractOptions
    private let place: WorkspacePath
    private let base: FileDescriptorHandle
    private var file: OpenFile?
    /// The directory of the last entry: most come one after the other.
    private var last: (path: WorkspacePath, directory: FileDescriptorHandle)?
    /// Get their permissions and times at the end, from the innermost on: what is made in them changes the ones, and may be
    /// forbidden by the others.
    private var directories: [ArchivedEntry] = []
    private var isRead = false
    private var result = ExtractResult()

    /// A file that is written out of sight.
    private struct OpenFile {
        let entry: ArchivedEntry
        let parent: FileDescriptorHandle
        let name: [UInt8]
        let temporary: TemporaryFile
        var size: UInt64 = 0
    }

    init(
        _ source: any ArchiveSource,
        _ limits: ArchiveLimits,
        into path: WorkspacePath,
        _ options: ExtractOptions,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) {
        self.options = options
        decoder = try refusing { () throws(BackendError) in try ArchiveDecoder(source, limits) }
        try files.access.makeDirectories(path)
        place = try files.access.resolve(path, followLast: true)
        base = try files.access.openPlainDirectory(place)
    }

    mutating func advance(
        _ files: LocalFiles,
        _ turn: inout FileTurn
    ) throws(DirectoryAccess.Failure) -> ExtractResult? {
        do throws(DirectoryAccess.Failure) {
            return try goOn(files, &turn)
        } catch {
            throw .refused(error.error(.writeFailed, place).afterExtracting(result))
        }
    }

    private mutating func goOn(
        _ files: LocalFiles,
        _ turn: inout FileTurn
    ) throws(DirectoryAccess.Failure) -> ExtractResult? {
        repeat {
            try files.cancellation.check()
            if let open = file {
                try at(open.entry) { work throws(DirectoryAccess.Failure) in try work.addToFile(files) }
            } else if isRead {
                guard let entry = directories.popLast() else { return result }
                try at(entry) { work throws(DirectoryAccess.Failure) in try work.finish(entry) }
            } else if let entry = try refusing({ () throws(BackendError) in try decoder.next() }) {
                try at(entry) { work throws(DirectoryAccess.Failure) in try work.make(entry, files) }
            } else {
                isRead = true
            }
        } while !turn.isOver(each: 1)
        return nil
    }

    private mutating func at(
        _ entry: ArchivedEntry,
        _ body: (inout Extraction) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            try body(&self)
        } catch {
            throw .at(place.appending(entry.path), error)
        }
    }

    private mutating func make(_ entry: ArchivedEntry, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        guard let (above, name) = entry.path.parentAndName else { return }
        let parent = try directory(above, files)
        switch entry.content {
        case .directory:
            _ = try parent.makeOrOpenDirectory(name, permissions: 0o700, counting: files.access.usage)
            directories.append(entry)
            result.directories += 1
        case .file:
            // Before any work is done for it.
            _ = try parent.replaceable(name, existing)
            let temporary = try files.makeTemporaryFile(keeping: UsageAmount(ofFileWith: 0)) {
                files.replaced(at: place.appending(entry.path), WriteOptions())
            }
            file = OpenFile(entry: entry, parent: parent, name: name, temporary: temporary)
        case .link(let text):
            let text = try entry.linkText(text, below: place)
            try files.makeLink(name, to: text, in: parent, existing)
            let made = try parent.open(name, flags: Int32(linux_o_path))
            try made.setModified(timespec(nanoseconds: entry.modifiedNanoseconds))
            result.links += 1
        case .hardLink(let target):
            guard let (above, other) = target.parentAndName else { return }
            let place = place.appending(target)
            do throws(DirectoryAccess.Failure) {
                try directory(above, files).addName(name, in: parent, to: other, existing, counting: files.access.usage)
            } catch .errno(ENOENT) {
                throw .at(place, .errno(ENOENT))
            }
            result.links += 1
        }
    }

    private var existing: CopyOptions { CopyOptions(replacesExisting: options.replacesExisting) }

    /// The one at a path beneath the base, made where it is missing.
    private mutating func directory(
        _ path: WorkspacePath,
        _ files: LocalFiles
    ) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        if let last, last.path == path { return last.directory }
        var directory = base
        for name in path.bytes.split(separator: UInt8(ascii: "/")) {
            (directory, _) = try directory.makeOrOpenDirectory(
                Array(name),
                permissions: 0o755,
                counting: files.access.usage
            )
        }
        last = (path, directory)
        return directory
    }

    private mutating func addToFile(_ files: LocalFiles) throws(DirectoryAccess.Failure) {
        guard var open = file else { return }
        let piece = try refusing { () throws(BackendError) in try decoder.readPiece(upTo: Self.pieceLength) }
        guard piece.readableBytes > 0 else {
            file = nil
            return try commit(open, files)
        }
        let path = place.appending(open.entry.path)
        try files.write(piece, to: open.temporary, at: open.size, path, WriteOptions())
        open.size += UInt64(piece.readableBytes)
        file = open
    }

    private mutating func commit(_ open: OpenFile, _ files: LocalFiles) throws(DirectoryAccess.Failure) {
        for _ in 0..<LocalFiles.maximumRetries {
            let old = try open.parent.replaceable(open.name, existing)
            let place = WritePlace(parent: open.parent, name: open.name, old: old)
            let permissions = open.entry.permissions
            guard try files.commit(open.temporary, to: place, WriteOptions(), permissions: permissions) != nil else {
                continue
            }
            try open.temporary.descriptor.setModified(timespec(nanoseconds: open.entry.modifiedNanoseconds))
            result.files += 1
            result.bytes += open.size
            return
        }
        throw .errno(EBUSY)
    }

    private mutating func finish(_ entry: ArchivedEntry) throws(DirectoryAccess.Failure) {
        let names = entry.path.bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
        let directory = try base.descend(names, flags: O_RDONLY | O_NONBLOCK)
        try directory.setPermissions(entry.permissions)
        try directory.setModified(timespec(nanoseconds: entry.modifiedNanoseconds))
    }

    private static let pieceLength = 256 << 10
}

extension FileDescriptorHandle {
    /// Gives the file `other` in this directory a further name. No link is followed: that of one is one.
    fileprivate func addName(
        _ name: [UInt8],
        in parent: FileDescriptorHandle,
        to other: [UInt8],
        _ options: CopyOptions,
        counting usage: WorkspaceUsage?
    ) throws(DirectoryAccess.Failure) {
        guard let target = try status(of: other) else { throw .errno(ENOENT) }
        guard target.kind == .regular else { throw .errno(ENXIO) }
        let room = try usage?.reserve(UsageAmount(target))
        try parent.withLock(of: name) { () throws(DirectoryAccess.Failure) in
            try usage.change(from: room) { change throws(DirectoryAccess.Failure) in
                for _ in 0..<LocalFiles.maximumRetries {
                    let result = other.withCString { other in
                        name.withCString { linkat(number, other, parent.number, $0, 0) }
                    }
                    if result == 0 { return change.add(target) }
                    guard errno == EEXIST else { throw .errno(errno) }
                    guard let old = try parent.replaceable(name, options) else { continue }
                    if old.st_ino == target.st_ino, old.st_dev == target.st_dev { return }
                    if name.withCString({ unlinkat(parent.number, $0, 0) }) == 0 {
                        change.remove(old)
                    } else if errno != ENOENT {
                        throw .errno(errno)
                    }
                }
                throw .errno(EBUSY)
            }
        }
    }
}
