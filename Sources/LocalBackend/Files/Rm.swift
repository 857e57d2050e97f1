internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    func rm(_ path: WorkspacePath, options: RemoveOptions) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            let (parent, name) = try access.openParent(path)
            if let expected = options.expectedEtag { return try remove(name, in: parent, expecting: expected) }
            guard let status = try parent.status(of: name) else { throw .errno(ENOENT) }
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            guard isDirectory, options.recursive else {
                let result = parent.unlink(name, isDirectory: isDirectory, counting: access.usage)
                guard result == 0 else { throw .errno(result) }
                return
            }
            var removal = TreeRemoval(cancellation: cancellation, usage: access.usage)
            try removal.remove(name, in: parent)
        } catch .errno(ENOENT) where options.force {
            return
        } catch .errno(ENOENT) where options.expectedEtag != nil {
            throw .versionConflict(current: nil)
        }
    }

    /// One file. What a command puts in its place in the moment between looking and removing is not seen.
    private func remove(
        _ name: [UInt8],
        in parent: FileDescriptorHandle,
        expecting etag: Etag
    ) throws(DirectoryAccess.Failure) {
        try parent.withLock(of: name) { () throws(DirectoryAccess.Failure) in
            guard try parent.status(of: name) != nil else { throw .errno(ENOENT) }
            try parent.check(name, isOf: etag)
            let result = parent.unlinkLocked(name, counting: access.usage)
            guard result == 0 else { throw .errno(result) }
        }
    }
}

/// Removes a directory with all that is in it. Goes by descriptors and follows no link, so that nothing outside is
/// removed whatever is swapped in meanwhile. What appears meanwhile is removed too. What cannot be removed is passed
/// over, as rm(1) does, and reported at the end.
///
/// Each level keeps a descriptor open. A tree deeper than that is taken apart in several rounds: what lies too deep is
/// moved up to the top of the tree, where it is found again.
private struct TreeRemoval {
    private let cancellation: FileCancellation
    /// Where what is removed counts.
    private let usage: WorkspaceUsage?
    /// The first thing that could not be removed.
    private var failure: DirectoryAccess.Failure?
    /// The present round moved something up, for the next one.
    private var hasMoved = false
    /// Something changed while the present round went by.
    private var isRaced = false

    init(cancellation: FileCancellation, usage: WorkspaceUsage?) {
        self.cancellation = cancellation
        self.usage = usage
    }

    mutating func remove(_ name: [UInt8], in parent: FileDescriptorHandle) throws(DirectoryAccess.Failure) {
        var races = 0
        repeat {
            failure = nil
            hasMoved = false
            isRaced = false
            if try removeEntry(name, in: parent, top: nil, depth: 0) { return }
            if isRaced { races += 1 }
        } while (hasMoved || isRaced) && races < Self.maximumRaces
        throw failure ?? .errno(EBUSY)
    }

    /// False: it is still there. Throws nothing but the cancellation.
    ///
    /// - Parameters:
    ///   - top: The directory that everything is in. Nil: this entry is to be the one.
    ///   - depth: Directories from the top to this entry.
    private mutating func removeEntry(
        _ name: [UInt8],
        in directory: FileDescriptorHandle,
        top: FileDescriptorHandle?,
        depth: Int
    ) throws(DirectoryAccess.Failure) -> Bool {
        var result = directory.unlink(name, isDirectory: false, counting: usage)
        // Where nothing in here may be removed, what is in a directory still may.
        let mayBeDirectory = result == EISDIR || result == EACCES || result == EPERM
        guard mayBeDirectory else { return note(result) }
        if depth == Self.maximumDepth, let top {
            moveUp(name, in: directory, to: top)
            return false
        }
        let descriptor = name.withCString {
            openat(directory.number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        }
        let openFailure = descriptor >= 0 ? 0 : errno
        if openFailure == 0 {
            let child = FileDescriptorHandle(owning: descriptor)
            let isEmptied = try removeContents(of: child, top: top ?? child, depth: depth + 1)
            guard isEmptied else { return false }
        } else if openFailure == ENOTDIR || openFailure == ELOOP {
            guard result == EISDIR else { return note(result) }
            // Something else took its place.
            isRaced = true
            return false
        }
        result = directory.unlink(name, isDirectory: true, counting: usage)
        if result == ENOTEMPTY || result == ENOTDIR {
            if openFailure != 0 { return note(openFailure) }
            isRaced = true
            return false
        }
        return note(result)
    }

    private mutating func removeContents(
        of directory: FileDescriptorHandle,
        top: FileDescriptorHandle,
        depth: Int
    ) throws(DirectoryAccess.Failure) -> Bool {
        var isEmptied = true
        do throws(DirectoryAccess.Failure) {
            try directory.forEachName(cancellation) { name throws(DirectoryAccess.Failure) in
                try cancellation.check()
                if try !removeEntry(Array(name), in: directory, top: top, depth: depth) { isEmptied = false }
            }
        } catch .errno(let number) where number != ENOENT {
            return note(number)
        } catch .errno {
            return isEmptied
        }
        return isEmptied
    }

    private mutating func moveUp(_ name: [UInt8], in directory: FileDescriptorHandle, to top: FileDescriptorHandle) {
        var result = EEXIST
        while result == EEXIST {
            let newName = Array(".rm-\(String(UInt64.random(in: .min ... .max), radix: 36))".utf8)
            result = name.withCString { from in
                newName.withCString { -linux_rename_noreplace(directory.number, from, top.number, $0) }
            }
        }
        if note(result) { hasMoved = true }
    }

    /// Keeps the first failure. True: there is nothing any more.
    private mutating func note(_ number: Int32) -> Bool {
        if number == 0 || number == ENOENT { return true }
        failure = failure ?? .errno(number)
        return false
    }

    private static let maximumDepth = 64
    private static let maximumRaces = 64
}

extension FileDescriptorHandle {
    /// Removes one name in this directory; a directory must be empty. 0 or the errno of unlinkat(2).
    fileprivate func unlink(_ name: [UInt8], isDirectory: Bool, counting usage: WorkspaceUsage?) -> Int32 {
        guard let usage else { return unlink(name, flags: isDirectory ? AT_REMOVEDIR : 0) }
        return result { () throws(DirectoryAccess.Failure) in
            // What is counted is what is removed: nobody replaces it meanwhile.
            try withLock(of: name) { () throws(DirectoryAccess.Failure) in
                guard isDirectory else { return unlinkLocked(name, counting: usage) }
                return try usage.change(nil) { change in
                    let result = unlink(name, flags: AT_REMOVEDIR)
                    if result == 0 { change.directories -= 1 }
                    return result
                }
            }
        }
    }

    /// A file, for who holds the lock of its name.
    fileprivate func unlinkLocked(_ name: [UInt8], counting usage: WorkspaceUsage?) -> Int32 {
        guard let usage else { return unlink(name, flags: 0) }
        return result { () throws(DirectoryAccess.Failure) in
            try usage.change(nil) { change throws(DirectoryAccess.Failure) in
                let status = try status(of: name)
                let result = unlink(name, flags: 0)
                if result == 0, let status { change.remove(status) }
                return result
            }
        }
    }

    private func result(_ body: () throws(DirectoryAccess.Failure) -> Int32) -> Int32 {
        do throws(DirectoryAccess.Failure) {
            return try body()
        } catch .errno(let number) {
            return number
        } catch {
            return EIO
        }
    }

    private func unlink(_ name: [UInt8], flags: Int32) -> Int32 {
        name.withCString { unlinkat(number, $0, flags) } == 0 ? 0 : errno
    }
}
