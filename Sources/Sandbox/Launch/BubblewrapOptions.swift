internal import AgentBackend
internal import CLinux
internal import Glibc

/// bubblewrap's options as its `--args` takes them: words that end with NUL.
///
/// They never stand on its command line, which everybody on the host can read, and the command's variables never
/// in its own environment, where LD_PRELOAD would run the command's code outside of the sandbox.
struct BubblewrapOptions: Sendable {
    /// The numbers of bubblewrap's descriptors, after the three standard ones.
    enum Descriptor: Int32, CaseIterable {
        case options = 3
        case filter
        case status
        case users
        case groups
    }

    private(set) var bytes: [UInt8] = []

    /// What is the same for every command. Looks at the host's file system.
    init(host configuration: CommandRunner.Configuration) throws(BackendError) {
        add("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session")
        add("--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox")
        add("--ro-bind", "/usr", "/usr")
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] { try addSystemDirectory(name) }
        add("--perms", "0755", "--dir", "/etc")
        for path in configuration.systemFiles + configuration.readOnlyPaths { add("--ro-bind-try", path, path) }
        add("--perms", "0444", "--ro-bind-data", "\(Descriptor.users.rawValue)", "/etc/passwd")
        add("--perms", "0444", "--ro-bind-data", "\(Descriptor.groups.rawValue)", "/etc/group")
        add("--dev", "/dev", "--proc", "/proc")
        // Sized: a full one must not fill the host's memory.
        add("--perms", "1777", "--size", "\(configuration.sharedMemorySize)", "--tmpfs", "/dev/shm")
        add("--perms", "1777", "--size", "\(configuration.temporaryDirectorySize)", "--tmpfs", "/tmp")
        add("--bind", String(cString: linux_launch_directory), CommandEnvironment.workspace)
        add("--remount-ro", "/dev", "--remount-ro", "/")
        add("--seccomp", "\(Descriptor.filter.rawValue)")
        add("--json-status-fd", "\(Descriptor.status.rawValue)")
    }

    /// These and what is one command's own.
    func adding(_ environment: Environment, workingDirectory: [UInt8]) -> [UInt8] {
        var options = self
        for variable in environment.variables {
            options.add("--setenv")
            options.add(variable.name)
            options.add(variable.value)
        }
        options.add("--chdir")
        options.add(
            Array(CommandEnvironment.workspace.utf8) + (workingDirectory.isEmpty ? [] : [UInt8(ascii: "/")])
                + workingDirectory
        )
        return options.bytes
    }

    /// The host's own form of /bin and its like: a link into /usr, or a directory.
    private mutating func addSystemDirectory(_ name: String) throws(BackendError) {
        let path = "/" + name
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFLNK {
            add("--symlink")
            add(try SymbolicLink.target(of: path))
            add(path)
        } else {
            add("--ro-bind", path, path)
        }
    }

    private mutating func add(_ words: String...) {
        for word in words { add(Array(word.utf8)) }
    }

    private mutating func add(_ word: [UInt8]) {
        bytes += word
        bytes.append(0)
    }
}
