internal import AgentBackend
internal import CLinux
internal import Glibc

/// A workspace as a mount of its own, which a sandbox that was made without one puts in its place.
enum WorkspaceMount {
    /// The process has the right to make such mounts. Tries it.
    static var isPossible: Bool {
        guard let directory = try? OwnedDescriptor.made(by: "open", open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        else {
            return false
        }
        return (try? make(of: directory.rawValue)) != nil
    }

    /// Of the directory that is open, wherever its path leads by now. Throws `EXEC_ERROR`, reason `NOT_FOUND`, where it
    /// was removed.
    static func make(of directory: Int32) throws(BackendError) -> OwnedDescriptor {
        let mount = linux_clone_mount(directory)
        if mount == -ENOENT { throw .workspaceRemoved }
        return try OwnedDescriptor.made(by: "open_tree", mount)
    }
}
