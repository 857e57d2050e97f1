internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    func rm(_ path: WorkspacePath, options: RemoveOptions) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            let (parent, name) = try access.openParent(path)
            guard let status = try parent.status(of: name) else { throw .errno(ENOENT) }
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            if isDirectory, options.recursive {
                try parent.removeTree(name)
            } else {
                try parent.remove(name, isDirectory: isDirectory)
            }
        } catch .errno(ENOENT) where options.force {
            return
        }
    }
}

extension FileDescriptorHandle {
    /// Removes one name in this directory; unlinkat(2). A directory must be empty.
    func remove(_ name: [UInt8], isDirectory: Bool) throws(DirectoryAccess.Failure) {
        guard name.withCString({ unlinkat(number, $0, isDirectory ? AT_REMOVEDIR : 0) }) == 0 else {
            throw .errno(errno)
        }
    }

    /// Removes the directory `name` in this one with all that is in it. Goes by descriptors and follows no link, so
    /// that nothing outside is removed whatever is swapped in meanwhile. What appears meanwhile is removed too.
    func removeTree(_ name: [UInt8]) throws(DirectoryAccess.Failure) {
        // Each level keeps a descriptor open. A tree deeper than that is taken apart in several rounds: what lies too
        // deep is moved up to the top of the tree, where the next round finds it.
        var round = 0
        while true {
            guard let top = try openDirectory(name) else { return }
            var unfinished = false
            try top.removeContents(top: top, depth: 1, round: round, unfinished: &unfinished)
            round += 1
            guard round < Self.maximumRounds else { throw .errno(EBUSY) }
            if unfinished { continue }
            do throws(DirectoryAccess.Failure) {
                return try remove(name, isDirectory: true)
            } catch .errno(ENOENT) {
                return
            } catch .errno(ENOTEMPTY) {
                continue
            }
        }
    }

    private func removeContents(
        top: FileDescriptorHandle,
        depth: Int,
        round: Int,
        unfinished: inout Bool
    ) throws(DirectoryAccess.Failure) {
        var moved = 0
        try forEachName { name throws(DirectoryAccess.Failure) in
            do throws(DirectoryAccess.Failure) {
                return try remove(name, isDirectory: false)
            } catch .errno(ENOENT) {
                return
            } catch .errno(EISDIR) {
            }
            if depth == Self.maximumDepth {
                try move(name, to: top, as: Array(".\(round)-\(moved)".utf8))
                moved += 1
                unfinished = true
                return
            }
            guard let directory = try openDirectory(name) else { return }
            try directory.removeContents(top: top, depth: depth + 1, round: round, unfinished: &unfinished)
            do throws(DirectoryAccess.Failure) {
                try remove(name, isDirectory: true)
            } catch .errno(ENOENT) {
            } catch .errno(ENOTEMPTY) {
                unfinished = true
            }
        }
    }

    private func move(
        _ name: [UInt8],
        to directory: FileDescriptorHandle,
        as newName: [UInt8]
    ) throws(DirectoryAccess.Failure) {
        let status = name.withCString { from in
            newName.withCString { linux_rename(number, from, directory.number, $0) }
        }
        guard status == 0 else { throw .errno(-status) }
    }

    /// Nil: it is gone, or no directory any more.
    private func openDirectory(_ name: [UInt8]) throws(DirectoryAccess.Failure) -> FileDescriptorHandle? {
        let descriptor = name.withCString {
            openat(number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        }
        if descriptor >= 0 { return FileDescriptorHandle(owning: descriptor) }
        guard errno == ENOENT || errno == ENOTDIR || errno == ELOOP else { throw .errno(errno) }
        return nil
    }

    private static let maximumDepth = 128
    private static let maximumRounds = 1000
}
