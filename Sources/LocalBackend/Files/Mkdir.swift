internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    func mkdir(_ path: WorkspacePath, options: MkdirOptions) throws(DirectoryAccess.Failure) {
        try access.makeDirectories(path)
    }
}

extension DirectoryAccess {
    /// Makes a directory and its parents. One that is there already is fine.
    func makeDirectories(_ path: WorkspacePath) throws(Failure) {
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
        for name in missing.reversed() {
            directory = try directory.makeDirectory(name)
        }
    }
}

extension FileDescriptorHandle {
    /// Makes a directory in this one and opens it. One that is there already is fine, a link to one is not.
    fileprivate func makeDirectory(_ name: [UInt8]) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let isMade = name.withCString { mkdirat(number, $0, 0o755) } == 0
        guard isMade || errno == EEXIST else { throw .errno(errno) }
        return try open(name, flags: Int32(linux_o_path) | O_DIRECTORY)
    }
}
