internal import AgentBackend
internal import Glibc

/// Where a path leads when it is written.
struct WritePlace {
    let parent: FileDescriptorHandle
    let name: [UInt8]
    /// The regular file that was there when it was looked at, if any; or a link that is to be replaced itself.
    let old: Glibc.stat?

    /// Runs `body` while nobody else in this process replaces, adds to or renames what has this name.
    func withLock<Value>(
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        try parent.withLock(of: name, body)
    }

    /// Throws where there is another version than the expected one, or none.
    func check(_ expected: Etag?) throws(DirectoryAccess.Failure) { try parent.check(name, isOf: expected) }
}

extension LocalFiles {
    /// The directory and name that a path means when it is written, with its parents made and links followed. Only a
    /// regular file that the org's user may write to may be there already; with `createOnly`, nothing.
    ///
    /// Where a version is expected, no parents are made, and another one is refused before any more is done. With
    /// `createOnly` such a write never succeeds: what it expects to be there stands in its way.
    func place(of path: WorkspacePath, _ options: WriteOptions) throws(DirectoryAccess.Failure) -> WritePlace {
        var path = path
        for _ in 0..<Self.maximumRetries {
            let (parent, name) = try openParent(path, options)
            guard let old = try parent.status(of: name) else {
                guard options.expectedEtag == nil else { throw .versionConflict(current: nil) }
                return WritePlace(parent: parent, name: name, old: nil)
            }
            if let expected = options.expectedEtag, let present = old.etag, present != expected {
                throw .versionConflict(current: present)
            }
            guard options.mode != .createOnly else { throw .errno(EEXIST) }
            switch old.kind {
            case .regular:
                // To replace a file takes permissions on its directory only. One that may not be written stays.
                if options.mode == .replace, !old.isWritable(byOwner: user) { try parent.checkWritable(name) }
                return WritePlace(parent: parent, name: name, old: old)
            case .directory: throw .errno(EISDIR)
            case .symbolicLink: path = try access.resolve(path, followLast: true)
            default: throw .errno(ENXIO)
            }
        }
        throw .errno(ELOOP)
    }

    private func openParent(
        _ path: WorkspacePath,
        _ options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        guard !path.isRoot else { throw .errno(EISDIR) }
        guard options.expectedEtag != nil else { return try openParentMakingIt(path) }
        do throws(DirectoryAccess.Failure) {
            return try access.openParent(path)
        } catch .errno(ENOENT) {
            throw .versionConflict(current: nil)
        }
    }

    func openParentMakingIt(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        // Others may remove what was made a moment before.
        for _ in 0..<Self.maximumRetries {
            do throws(DirectoryAccess.Failure) {
                return try access.openParent(path)
            } catch .errno(ENOENT) where !access.root.isRemoved {
                guard let parent = path.parentAndName?.parent else { throw .isRoot }
                try access.makeDirectories(parent)
            }
        }
        throw .errno(EBUSY)
    }
}

extension Glibc.stat {
    /// Says at once what the kernel need not be asked: the owner's permission holds whatever the others are.
    fileprivate func isWritable(byOwner user: uid_t) -> Bool { st_uid == user && st_mode & S_IWUSR != 0 }
}

extension FileDescriptorHandle {
    /// Runs `body` while nobody else in this process replaces, adds to or renames what has this name in this directory.
    func withLock<Value>(
        of name: [UInt8],
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        try FileLocks.shared.withLock(try lock(of: name), body)
    }

    func lock(of name: [UInt8]) throws(DirectoryAccess.Failure) -> FileLocks.Key {
        let status = try status()
        return .name(name, device: status.st_dev, directory: status.st_ino)
    }

    /// Throws where there is another version than the expected one in this directory, or none. Nil: any will do.
    func check(_ name: [UInt8], isOf expected: Etag?) throws(DirectoryAccess.Failure) {
        guard let expected else { return }
        let present = try status(of: name)?.etag
        guard present == expected else { throw .versionConflict(current: present) }
    }

    /// Whether the thread's user may write to a file in this directory.
    func checkWritable(_ name: [UInt8]) throws(DirectoryAccess.Failure) {
        let flags = AT_EACCESS | AT_SYMLINK_NOFOLLOW
        guard name.withCString({ faccessat(number, $0, W_OK, flags) }) == 0 || errno == ENOENT else {
            throw .errno(errno)
        }
    }
}
