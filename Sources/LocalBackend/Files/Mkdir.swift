internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// Makes a directory and its parents. One that is there already is fine.
    func makeDirectories(_ path: WorkspacePath) throws(DirectoryAccess.Failure) {
        // From the bottom up to what exists, and down again: mostly just the last names are missing.
        var missing: [WorkspacePath] = []
        var next = path
        while let (parent, _) = next.parentAndName {
            do throws(DirectoryAccess.Failure) {
                _ = try access.open(next, flags: linux_o_path | linux_o_directory)
                break
            } catch .errno(ENOENT) {
                missing.append(next)
                next = parent
            }
        }
        for path in missing.reversed() {
            let (directory, name) = try access.openParent(path)
            guard name.withCString({ mkdirat(directory.number, $0, 0o755) }) == 0 || errno == EEXIST else {
                throw .errno(errno)
            }
        }
    }
}
