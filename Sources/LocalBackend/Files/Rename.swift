internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Gives what has one name another. A link is renamed itself, wherever it leads.
    func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) throws(DirectoryAccess.Failure) {
        try checkTransfer(path, to: destination)
        for _ in 0..<Self.maximumRetries {
            // Before anything is made for it.
            let (from, name) = try openSource(path, expecting: options.expectedEtag)
            let (to, newName) = try naming(destination) { () throws(DirectoryAccess.Failure) in
                try openParentMakingIt(destination)
            }
            let newLock = try to.lock(of: newName)
            // Who expects a version has nobody change it before it is renamed; what commands do is not seen. Where files
            // count, what is being added to keeps its name meanwhile.
            let isFree = options.expectedEtag == nil && access.usage == nil
            let lock = isFree ? newLock : try from.lock(of: name)
            let result = try FileLocks.shared.withLocks(lock, newLock) { () throws(DirectoryAccess.Failure) in
                try from.check(name, isOf: options.expectedEtag)
                return try access.usage.change { change throws(DirectoryAccess.Failure) in
                    let old = try replaced(newName, in: to, by: name, in: from, options)
                    let result = from.rename(name, to: newName, in: to, replacing: options.replacesExisting)
                    if result == 0, let old { change.remove(old) }
                    return result
                }
            }
            switch result {
            case 0: return
            // One of the two directories was removed meanwhile, or what was to be renamed: look again.
            case ENOENT where !access.root.isRemoved: continue
            case EINVAL: throw .intoItself(destination)
            case EEXIST, ENOTEMPTY, EISDIR, ENOTDIR: throw .at(destination, .errno(result))
            default: throw .errno(result)
            }
        }
        throw .errno(EBUSY)
    }

    /// What will be there no more, where that counts. Of two names of one file rename(2) leaves both.
    private func replaced(
        _ newName: [UInt8],
        in target: FileDescriptorHandle,
        by name: [UInt8],
        in source: FileDescriptorHandle,
        _ options: RenameOptions
    ) throws(DirectoryAccess.Failure) -> Glibc.stat? {
        guard access.usage != nil, options.replacesExisting, let old = try target.status(of: newName) else {
            return nil
        }
        guard let new = try source.status(of: name) else { return nil }
        return old.st_ino == new.st_ino && old.st_dev == new.st_dev ? nil : old
    }

    private func openSource(
        _ path: WorkspacePath,
        expecting etag: Etag?
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        do throws(DirectoryAccess.Failure) {
            let (directory, name) = try access.openParent(path)
            try directory.check(name, isOf: etag)
            guard try directory.status(of: name) != nil else { throw .errno(ENOENT) }
            return (directory, name)
        } catch .errno(ENOENT) where etag != nil {
            throw .versionConflict(current: nil)
        }
    }

    /// What can be told by names alone. Links may hide that one place lies within the other.
    func checkTransfer(_ path: WorkspacePath, to destination: WorkspacePath) throws(DirectoryAccess.Failure) {
        guard !path.isRoot else { throw .isRoot }
        guard !destination.isRoot else { throw .at(destination, .isRoot) }
        guard path == destination || destination.relative(to: path) == nil else { throw .intoItself(destination) }
    }

    /// Has what `body` throws told of another path than that of the operation.
    func naming<Value>(
        _ path: WorkspacePath,
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        do throws(DirectoryAccess.Failure) {
            return try body()
        } catch {
            throw .at(path, error)
        }
    }
}

extension FileDescriptorHandle {
    /// 0 or the errno of renameat2(2).
    fileprivate func rename(
        _ name: [UInt8],
        to newName: [UInt8],
        in directory: FileDescriptorHandle,
        replacing: Bool
    ) -> Int32 {
        let call = replacing ? linux_rename : linux_rename_noreplace
        return name.withCString { name in newName.withCString { -call(number, name, directory.number, $0) } }
    }
}
