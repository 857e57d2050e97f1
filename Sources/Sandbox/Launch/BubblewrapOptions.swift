internal import AgentBackend
internal import CLinux
internal import Glibc

/// bubblewrap's options as its `--args` takes them: words that end with NUL. They never stand on its command line,
/// which everybody on the host can read.
struct BubblewrapOptions: Sendable {
    /// The numbers of bubblewrap's descriptors, after the three standard ones.
    enum Descriptor: Int32, CaseIterable {
        case options = 3
        /// The agent's program, and its end of the socket.
        case agent
        case socket
        /// The first of ``SystemFiles``.
        case files
    }

    /// How the files of /etc come into the sandbox.
    enum SystemFilesForm: CaseIterable {
        /// Each by a mount of its own.
        case mounted
        /// All by one mount of what lies on /etc already, see ``PreparedSystemFiles``.
        case prepared
    }

    private var words = StringList()

    var bytes: [UInt8] { words.bytes }

    /// Looks at the host's file system. Vacant: the workspace is a place for the agent to put it in.
    init(
        host configuration: CommandRunner.Configuration,
        _ network: CommandNetwork,
        _ systemFiles: SystemFilesForm,
        isVacant: Bool
    ) throws(BackendError) {
        // Not --die-with-parent: bubblewrap ends before the sandbox does, see the agent's keeper.c.
        add("--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--as-pid-1")
        if network == .host { add("--share-net") }
        // What the agent makes a command's namespaces with, and what it takes from the command then. They are worth
        // something within the sandbox alone.
        add("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP")
        add("--clearenv", "--hostname", CommandEnvironment.hostName)
        add("--ro-bind", "/usr", "/usr")
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] { try addSystemDirectory(name) }
        switch systemFiles {
        case .mounted:
            add("--perms", "0755", "--dir", "/etc")
            for path in configuration.systemFiles { addSystemFile(path) }
        case .prepared:
            add("--ro-bind", "/etc", "/etc", "--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/run/etc")
        }
        for path in configuration.readOnlyPaths { add("--ro-bind-try", path, path) }
        for (number, path) in SystemFiles.paths.enumerated() {
            let path = systemFiles == .prepared ? SystemFiles.generated(path) : path
            // Copies, which are read-only with all of "/": each mount would cost the start of a sandbox a quarter of a
            // millisecond.
            add("--perms", "0444", "--file", "\(Int(Descriptor.files.rawValue) + number)", path)
        }
        // A command has its own on /proc, /tmp and /dev/shm.
        add("--dev", "/dev", "--proc", "/proc", "--dir", "/tmp")
        if isVacant {
            add("--dir", CommandEnvironment.workspace)
        } else {
            add("--bind", String(cString: linux_launch_directory), CommandEnvironment.workspace)
        }
        add("--remount-ro", "/dev", "--remount-ro", "/")
    }

    /// The host's own form of /bin and its like: a link into /usr, or a directory.
    private mutating func addSystemDirectory(_ name: String) throws(BackendError) {
        let path = "/" + name
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFLNK {
            add("--symlink")
            words.add(try SymbolicLink.target(of: path))
            add(path)
        } else {
            add("--ro-bind", path, path)
        }
    }

    /// As it is on the host; a link to what the sandbox sees anyway, such as to a time zone, is one there, too.
    private mutating func addSystemFile(_ path: String) {
        guard let target = SymbolicLink.end(of: path), target != path, target.hasPrefix("/usr/") else {
            return add("--ro-bind-try", path, path)
        }
        add("--symlink", target, path)
    }

    private mutating func add(_ words: String...) {
        for word in words { self.words.add(Array(word.utf8)) }
    }
}
