internal import CLinux
internal import Glibc

extension CommandRunner {
    /// Limits of a runner. All are finite; sizes are in bytes.
    package struct Configuration: Sendable {
        /// bubblewrap's program.
        package var bubblewrapPath = "/usr/bin/bwrap"

        /// Commands at once; more are refused with `RESOURCE_EXHAUSTED`.
        package var maximumRunningCommands = 256
        /// Sandboxes that are kept for the next command of their workspace. Of more, the one that was used least
        /// recently is ended, unless commands run in it.
        package var maximumSandboxes = 256
        /// Sandboxes that are made before there is a workspace for them: one for each kind that is in use, of tenant,
        /// identity and limits, so that the first command of the next workspace finds one. 0: none. They take the right to
        /// mount: a process that is not root makes none.
        package var maximumSpareSandboxes = 8
        /// Commands that are being started at once: some more than there are processors, which would have nothing to do
        /// from one's end to the next one's start. Many more gain little and make the slowest much slower; so do any where
        /// the kernel knows no short turns, and what happens between two commands waits for others.
        package var maximumStartsAtOnce = {
            let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            return linux_turn(0) > 0 ? processors + max(1, processors / 4) : processors
        }()
        /// Starts that wait for one of those; more are refused with `RESOURCE_EXHAUSTED`.
        package var maximumWaitingStarts = 1024

        /// Most that one read returns.
        package var maximumReadSize = 64 * 1024
        /// Program, arguments and environment together; more is `INVALID_ARGUMENT`, reason `TOO_LARGE`.
        package var maximumCommandSize = 1024 * 1024
        /// Size of a command's own /tmp.
        package var temporaryDirectorySize = 256 * 1024 * 1024
        /// Size of a command's own /dev/shm.
        package var sharedMemorySize = 64 * 1024 * 1024

        /// The deadline of a command without one, and the longest that one may have.
        package var maximumLifetime = Duration.seconds(3600)
        /// How long setting up a sandbox may take.
        package var setupLimit = Duration.seconds(5)

        /// RLIMIT_NOFILE of a command, unless its tenant's limits say otherwise. So it is with the next two.
        package var maximumDescriptors = 1024
        /// Processes and threads of all sandboxes of a tenant. Where there is no control group for them, RLIMIT_NPROC: the
        /// kernel counts all processes of the user then. Not kept where commands run as the broker's own user there,
        /// whose other processes would count.
        package var maximumProcesses = 4096
        /// Of all sandboxes of a tenant, with their temporary directories; bytes. More, and the host kills the largest
        /// process. Half of the host's memory; kept where control groups can be made.
        package var maximumMemory = UInt64(max(1, sysconf(Int32(_SC_PHYS_PAGES)) / 2)) * UInt64(getpagesize())
        /// Of all commands together, when this process wants the processors too, which has 100. Little, for it answers in
        /// microseconds, and they take what there is. Kept where control groups can be made.
        package var processorWeight = 25
        /// Where the process learns of its control groups.
        package var controlGroups = ControlGroupPlaces()

        /// Files of the host's /etc that commands see, read-only, where they exist.
        package var systemFiles = [
            "/etc/ld.so.cache", "/etc/ssl", "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/os-release",
            "/etc/debian_version", "/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/magic", "/etc/perl",
            "/etc/vim", "/etc/inputrc", "/etc/terminfo",
        ]
        /// Where copies of them lie that all sandboxes see, of the runner's own: absolute, and beneath directories of the
        /// broker's user alone. Nil: each file is mounted by itself, which takes longer; so it is without root.
        package var preparedFilesDirectory: String?
        /// Further paths of the host that commands see, read-only, such as a tool chain outside of /usr. None beneath
        /// /tmp, where bubblewrap finds the workspace, and where commands have directories of their own.
        package var readOnlyPaths: [String] = []

        package init() {}
    }
}
