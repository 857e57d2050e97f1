internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    func mkdir(_ path: WorkspacePath, options: MkdirOptions) throws(DirectoryAccess.Failure) {
        guard options.recursive else {
            guard !path.isRoot else { throw .errno(EEXIST) }
            let (parent, name) = try access.openParent(path)
            _ = try parent.makeDirectory(name, permissions: options.permissions, counting: access.usage)
            return
        }
        do throws(DirectoryAccess.Failure) {
            try access.makeDirectories(path, permissions: options.permissions)
        } catch .errno(ENOTDIR) {
            // Is that what has this very name, or something above it?
            let found = try? access.open(path, flags: linux_o_path | linux_o_nofollow)
            throw .errno(found == nil ? ENOTDIR : EEXIST)
        }
    }
}

extension DirectoryAccess {
    /// Makes a directory and its parents. One that is there already is fine.
    ///
    /// - Parameter permissions: Of the directory itself where it is made; parents get 0755.
    func makeDirectories(_ path: WorkspacePath, permissions: mode_t = 0o755) throws(Failure) {
        // Others may remove what was found or made a moment before.
        for _ in 0..<LocalFiles.maximumRetries {
            do throws(Failure) {
                return try makeMissingDirectories(path, permissions: permissions)
            } catch .errno(ENOENT) where !root.isRemoved {
            }
        }
        throw .errno(EBUSY)
    }

    private func makeMissingDirectories(_ path: WorkspacePath, permissions: mode_t) throws(Failure) {
        // From the bottom up to what exists: mostly just the last names are missing.
        var missing: [[UInt8]] = []
        var next = path
        var found: FileDescriptorHandle?
        while found == nil {
            do throws(Failure) {
                found = try open(next, flags: linux_o_path | linux_o_directory)
            } catch .errno(ENOENT) {
                guard let (parent, name) = next.parentAndName else { throw .errno(ENOENT) }
                missing.append(name)
                next = parent
            }
        }
        guard var directory = found else { return }
        for (index, name) in missing.enumerated().reversed() {
            let permissions = index == 0 ? permissions : 0o755
            directory = try directory.makeOrOpenDirectory(name, permissions: permissions, counting: usage).directory
        }
    }
}

extension FileDescriptorHandle {
    /// Makes a directory in this one and opens it. Throws `EEXIST` where there is anything.
    func makeDirectory(
        _ name: [UInt8],
        permissions: mode_t,
        counting usage: WorkspaceUsage?
    ) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        if let usage {
            let room = try usage.reserve(UsageAmount(inodes: 1))
            try withLock(of: name) { () throws(DirectoryAccess.Failure) in
                try usage.change(room) { change throws(DirectoryAccess.Failure) in
                    try makeDirectory(name)
                    change.directories += 1
                }
            }
        } else {
            try makeDirectory(name)
        }
        let directory = try open(name, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        try directory.setPermissions(permissions)
        return directory
    }

    private func makeDirectory(_ name: [UInt8]) throws(DirectoryAccess.Failure) {
        guard name.withCString({ mkdirat(number, $0, 0o700) }) == 0 else { throw .errno(errno) }
    }

    /// The same where there is none yet. One that is there already is fine and stays as it is; a link to one is not.
    func makeOrOpenDirectory(
        _ name: [UInt8],
        permissions: mode_t,
        counting usage: WorkspaceUsage?
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, isNew: Bool) {
        let flags = Int32(linux_o_path) | O_DIRECTORY
        do throws(DirectoryAccess.Failure) {
            return (try makeDirectory(name, permissions: permissions, counting: usage), true)
        } catch .errno(EEXIST) {
            return (try open(name, flags: flags), false)
        } catch .overQuota(let refusal) {
            guard let present = try? open(name, flags: flags) else { throw .overQuota(refusal) }
            return (present, false)
        }
    }
}
