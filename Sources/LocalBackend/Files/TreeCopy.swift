internal import AgentBackend
internal import CLinux
internal import Glibc

/// Copies what is in a directory into another. Goes by descriptors and follows no link, so that nothing outside is read
/// or written whatever is swapped in meanwhile. What cannot be copied is passed over, as cp(1) does, and reported at the
/// end.
///
/// Each level keeps two descriptors open; directories that are deeper than that are put off, and found again by their
/// names from the top.
struct TreeCopy {
    private let files: LocalFiles
    private let options: CopyOptions
    private let path: WorkspacePath
    private let destination: WorkspacePath
    /// The directory that is copied into. Where it is come upon in what is copied, that ends there.
    private let top: Glibc.stat
    private var result = CopyResult(files: 0, bytes: 0)
    /// The first thing that could not be copied.
    private var failure: DirectoryAccess.Failure?
    /// Names from the top to what is copied right now.
    private var trail: [[UInt8]] = []
    private var deferred: [Deferred] = []
    /// Names in `deferred`.
    private var deferredNames = 0

    /// A directory that is there in the copy, but for what is in it.
    private struct Deferred {
        let trail: [[UInt8]]
        /// What it gets in the end. Nil: it was there before.
        let permissions: mode_t?
    }

    /// - Parameters:
    ///   - path: Where the source is, and
    ///   - destination: where the copy is to be, for errors.
    ///   - top: Of the directory that is copied into.
    init(
        files: LocalFiles,
        options: CopyOptions,
        path: WorkspacePath,
        destination: WorkspacePath,
        top: Glibc.stat
    ) {
        self.files = files
        self.options = options
        self.path = path
        self.destination = destination
        self.top = top
    }

    /// Throws what could not be copied, after everything else was.
    mutating func copy(
        _ source: FileDescriptorHandle,
        into target: FileDescriptorHandle
    ) throws(DirectoryAccess.Failure) -> CopyResult {
        try copyContents(of: source, into: target, depth: 0)
        while let next = deferred.popLast() {
            deferredNames -= next.trail.count
            trail = next.trail
            try noting { copy throws(DirectoryAccess.Failure) in
                let from = try source.descend(next.trail, flags: O_RDONLY | O_NONBLOCK)
                let isNew = next.permissions != nil
                let to = try target.descend(next.trail, flags: isNew ? O_RDONLY | O_NONBLOCK : Int32(linux_o_path))
                try copy.copyContents(of: from, into: to, depth: 0)
                if let permissions = next.permissions { try to.setPermissions(permissions) }
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Throws nothing but what ends it all.
    private mutating func copyContents(
        of source: FileDescriptorHandle,
        into target: FileDescriptorHandle,
        depth: Int
    ) throws(DirectoryAccess.Failure) {
        try noting { copy throws(DirectoryAccess.Failure) in
            try source.forEachName(copy.files.cancellation) { name throws(DirectoryAccess.Failure) in
                try copy.files.cancellation.check()
                copy.trail.append(Array(name))
                try copy.noting { copy throws(DirectoryAccess.Failure) in
                    try copy.copyEntry(Array(name), from: source, to: target, depth: depth)
                }
                copy.trail.removeLast()
            }
        }
    }

    private mutating func copyEntry(
        _ name: [UInt8],
        from source: FileDescriptorHandle,
        to target: FileDescriptorHandle,
        depth: Int
    ) throws(DirectoryAccess.Failure) {
        // Nil: it vanished meanwhile.
        guard let status = try source.status(of: name) else { return }
        switch status.kind {
        case .regular: count(try files.copyFile(name, from: source, to: target, options))
        case .symbolicLink:
            try files.copyLink(name, from: source, to: target, options)
            count(0)
        case .directory: try copyDirectory(name, from: source, to: target, depth: depth)
        default: throw .errno(ENXIO)
        }
    }

    private mutating func copyDirectory(
        _ name: [UInt8],
        from source: FileDescriptorHandle,
        to target: FileDescriptorHandle,
        depth: Int
    ) throws(DirectoryAccess.Failure) {
        let from = try source.open(name, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        let status = try from.status()
        guard status.st_ino != top.st_ino || status.st_dev != top.st_dev else { throw .intoItself(destination) }
        let (to, isNew) = try target.makeOrOpenDirectory(name, permissions: 0o700, counting: files.access.usage)
        let permissions = isNew ? status.st_mode : nil
        guard depth < Self.maximumDepth else { return try putOff(permissions) }
        try copyContents(of: from, into: to, depth: depth + 1)
        // Only now: it may forbid to write.
        if let permissions { try to.setPermissions(permissions) }
    }

    private mutating func putOff(_ permissions: mode_t?) throws(DirectoryAccess.Failure) {
        guard deferredNames + trail.count <= Self.maximumDeferredNames else { throw .errno(ENAMETOOLONG) }
        deferredNames += trail.count
        deferred.append(Deferred(trail: trail, permissions: permissions))
    }

    private mutating func count(_ bytes: UInt64) {
        result.files += 1
        result.bytes += bytes
    }

    /// Keeps the first failure, with the path that it is of. Throws what ends it all.
    private mutating func noting(
        _ body: (inout TreeCopy) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            try body(&self)
        } catch {
            switch error {
            case .cancelled, .destroyed: throw error
            default: failure = failure ?? .at((try? WorkspacePath(joining: [path.bytes] + trail)) ?? path, error)
            }
        }
    }

    private static let maximumDepth = 64
    /// Bounds the memory for what is put off: eight bytes each, besides the names themselves.
    private static let maximumDeferredNames = 1 << 20
}
