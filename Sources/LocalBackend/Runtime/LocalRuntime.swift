public import AgentBackend
internal import Sandbox

/// What the local backends of a process share: threads for file system calls, the directories that are kept open, and
/// the sandbox that commands run in.
///
/// Use ``withRuntime(_:_:)``; or make one, have ``run()`` running in a task for as long as its backends are used, and
/// end that by cancelling it or by ``shutdown()``. Safe to use from any thread.
public final class LocalRuntime: Sendable {
    /// All of it has defaults.
    public struct Configuration: Sendable {
        /// Threads for file system calls that may wait.
        public var fileThreads = 4
        /// Descriptors of root directories that are kept open between operations, of all backends together; others
        /// are opened anew for each.
        public var maximumOpenDirectories = 1024
        public var isolation = IsolationMode.auto
        /// Whose permissions hold for files, and whom commands run as. Nil: the process's own user. A process that runs
        /// as root runs no commands without one.
        public var identity: HostIdentity?
        /// For a command that names no timeout.
        public var defaultTimeout = Duration.seconds(3600)
        /// The most that a command may ask for.
        public var maximumTimeout = Duration.seconds(24 * 3600)
        /// Between SIGTERM and SIGKILL.
        public var grace = Duration.seconds(2)
        /// Commands at once; more are refused with `RESOURCE_EXHAUSTED`.
        public var maximumRunningCommands = 256
        /// Of each command; memory and processes of all of them together. Where it says nothing: half of the host's memory,
        /// 4096 processes, 1024 open files, and no other limit.
        public var limits = ExecLimits()
        /// Commands may ask for the host's network.
        public var allowsHostNetwork = false
        /// Calls that watch files at a time.
        public var maximumWatches = 256
        /// Directories that they watch together; one that two watch counts twice.
        public var maximumWatchedDirectories = 65_536
        /// Changes that wait for the reader of a watch; more are dropped, which it is told.
        public var maximumWaitingChanges = 8192
        /// Paths of the host that commands see besides /usr, read-only, such as a tool chain.
        public var readOnlyPaths: [String] = []

        public init() {}
    }

    /// How commands are isolated: "none", "software", "landlock" or "bwrap". Empty: they are refused, with the reason.
    public var isolation: String { commands.name }

    let identity: HostIdentity?
    let threads: FileThreads
    let directories: OpenDirectoryCache
    let watches = FileWatches()
    let watchShare: WatchShare
    let commands: CommandIsolation
    let tenant: CommandTenant

    /// Probes what isolation works here, by running a command. Throws `MISSING_UTILITIES` where a level is asked for by
    /// name and cannot be had.
    public init(_ configuration: Configuration = Configuration()) async throws(BackendError) {
        var settings = CommandIsolation.Settings(
            limits: SandboxedCommands.Limits(
                defaultTimeout: min(configuration.defaultTimeout, configuration.maximumTimeout),
                maximumTimeout: configuration.maximumTimeout,
                grace: configuration.grace
            )
        )
        settings.mode = configuration.isolation
        settings.maximumRunningCommands = configuration.maximumRunningCommands
        settings.readOnlyPaths = configuration.readOnlyPaths
        if let identity = configuration.identity { try FileIdentity.prove(identity) }
        commands = try await CommandIsolation(settings, as: configuration.identity)
        identity = configuration.identity
        let limits = CommandTenant.Limits(
            exec: configuration.limits,
            allowsHostNetwork: configuration.allowsHostNetwork
        )
        tenant = CommandTenant { limits }
        threads = FileThreads(count: configuration.fileThreads)
        watchShare = WatchShare(
            WatchShare.Limits(
                watches: configuration.maximumWatches,
                watchesPerEntry: configuration.maximumWatches,
                directories: configuration.maximumWatchedDirectories,
                waitingChanges: configuration.maximumWaitingChanges
            )
        )
        directories = OpenDirectoryCache(capacity: configuration.maximumOpenDirectories)
    }

    /// Sees commands to their ends. A command that is started before waits for it. Returns after ``shutdown()``, once no
    /// command is left and every file operation has ended; cancelling the task kills what runs. Called once.
    public func run() async throws(BackendError) {
        do throws(BackendError) {
            try await commands.run()
        } catch {
            await threads.shutdown()
            throw error
        }
        await threads.shutdown()
    }

    /// Nothing starts from now on; what runs goes on. Idempotent.
    public func shutdown() {
        commands.beginShutdown()
    }

    /// Runs `body` with a runtime, and ends it: commands that still run are killed.
    public static func withRuntime<Value: Sendable>(
        _ configuration: Configuration = Configuration(),
        _ body: (LocalRuntime) async throws -> Value
    ) async throws -> Value {
        let runtime = try await LocalRuntime(configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(runtime))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            while try await group.next() != nil {}
            return try result.get()
        }
    }
}
