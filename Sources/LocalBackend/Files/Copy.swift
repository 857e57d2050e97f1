internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Copies a file, or a directory with all that is in it. A link at the path itself is followed.
    func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> CopyResult {
        try checkTransfer(path, to: destination)
        let source = try openSource(path, expecting: options.expectedEtag)
        let status = try source.status()
        if let expected = options.expectedEtag, status.etag != expected {
            throw .versionConflict(current: status.etag)
        }
        switch status.kind {
        case .regular:
            return try copyFile(source, status, to: destination, options)
        case .directory:
            guard options.recursive else { throw .needsRecursion }
            try checkNotWithin(path, destination)
            return try copyTree(source, status, from: path, to: destination, options)
        default:
            throw .errno(ENXIO)
        }
    }

    private func openSource(
        _ path: WorkspacePath,
        expecting etag: Etag?
    ) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        do throws(DirectoryAccess.Failure) {
            return try access.open(path, flags: UInt64(O_RDONLY | O_NONBLOCK | O_NOCTTY))
        } catch .errno(ENOENT) where etag != nil {
            throw .versionConflict(current: nil)
        }
    }

    private func copyFile(
        _ source: FileDescriptorHandle,
        _ status: Glibc.stat,
        to destination: WorkspacePath,
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> CopyResult {
        let write = WriteOptions(mode: options.replacesExisting ? .replace : .createOnly)
        // What stands in the way is found out before any work is done.
        let old = try naming(destination) { () throws(DirectoryAccess.Failure) in
            try place(of: destination, write).old
        }
        let file = try duplicate(source, status, replacing: old)
        if options.expectedEtag != nil {
            // A command may have written to it meanwhile.
            let present = try source.status().etag
            guard present == status.etag else { throw .versionConflict(current: present) }
        }
        let info = try naming(destination) { () throws(DirectoryAccess.Failure) in
            try commit(file, to: destination, options: write, permissions: status.st_mode)
        }
        return CopyResult(files: 1, bytes: info.size)
    }

    /// The same by paths without links: what its name does not tell.
    private func checkNotWithin(
        _ path: WorkspacePath,
        _ destination: WorkspacePath
    ) throws(DirectoryAccess.Failure) {
        let from = try access.resolve(path, followLast: true)
        let to = try naming(destination) { () throws(DirectoryAccess.Failure) in
            try access.resolve(destination, followLast: true)
        }
        guard from == to || to.relative(to: from) == nil else { throw .intoItself(destination) }
    }

    private func copyTree(
        _ source: FileDescriptorHandle,
        _ status: Glibc.stat,
        from path: WorkspacePath,
        to destination: WorkspacePath,
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> CopyResult {
        let (target, isNew) = try naming(destination) { () throws(DirectoryAccess.Failure) in
            try openDirectoryMakingIt(destination)
        }
        var copy = TreeCopy(
            files: self,
            options: options,
            path: path,
            destination: destination,
            top: try target.status()
        )
        // Only then: they may forbid to write.
        defer { if isNew { try? target.setPermissions(status.st_mode) } }
        return try copy.copy(source, into: target)
    }

    private func openDirectoryMakingIt(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, isNew: Bool) {
        do throws(DirectoryAccess.Failure) {
            return (try access.open(path, flags: linux_o_path | linux_o_directory), false)
        } catch .errno(ENOENT) {
            let (parent, name) = try openParentMakingIt(path)
            return try parent.makeOrOpenDirectory(name, permissions: 0o700, counting: access.usage)
        }
    }
}
