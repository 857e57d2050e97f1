public import AgentBackend
internal import Glibc
package import Sandbox

/// Runs commands for local backends. What isolates them is behind this.
package protocol CommandStarter: Sendable {
    /// What runs the commands of one backend and of its scopes. Asked for at the first of them.
    ///
    /// - Parameter identity: Whom they run as. Nil: the process's own user.
    func makeCommands(as identity: HostIdentity?) -> any BackendCommands

    /// The same for the commands of a tenant, with limits of a backend's own beneath the tenant's.
    func limited(to tenant: CommandTenant, _ limits: ExecLimits) -> any CommandStarter
}

extension CommandStarter {
    package func limited(to tenant: CommandTenant, _ limits: ExecLimits) -> any CommandStarter { self }
}

/// Runs the commands of one backend and of its scopes. Safe to use from any thread.
package protocol BackendCommands: AnyObject, Sendable {
    /// - Parameters:
    ///   - workspace: Descriptor of the backend's root, open as a path, borrowed for the call.
    ///   - scope: That of the scope's root, in the same way; the command sees nothing else of the workspace.
    ///   - environment: All that the command gets, besides what the isolation itself sets.
    func start(
        _ request: ExecRequest,
        workspace: Int32,
        scope: Int32,
        environment: Environment
    ) async throws(BackendError) -> any StartedCommand

    /// Ends what runs, and waits until it is gone. Starts nothing more. Idempotent.
    func destroy() async
}

/// A command that tells on the spot whether it has ended.
package protocol StartedCommand: CommandExecution {
    /// No process of the tree is left.
    var hasEnded: Bool { get }

    /// Ends the whole tree: its workspace holds more than so many bytes on the disk, or too many files. Returns at once.
    func terminate(overDiskQuota allowed: UInt64)
}

extension LocalFilesystemBackend {
    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        guard !root.isDestroyed else {
            throw DirectoryAccess.Failure.destroyed.error(.execError, request.workingDirectory)
        }
        guard let starter = settings.commands else {
            throw BackendError(
                .notImplemented,
                message: "this backend was made without a way to run commands",
                operation: "exec"
            )
        }
        try await checkSafety(of: request)
        let (workspace, scope) = try await directories(of: request)
        // Nothing else may keep them open for as long as their numbers are in use.
        defer { withExtendedLifetime((workspace, scope)) {} }
        guard let commands = running.runner(makeRunner: { starter.makeCommands(as: identity) }) else {
            throw DirectoryAccess.Failure.destroyed.error(.execError, request.workingDirectory)
        }
        usage?.commandBegan(of: self)
        let command: any StartedCommand
        do throws(BackendError) {
            command = try await commands.start(
                request,
                workspace: workspace.number,
                scope: scope.number,
                environment: settings.environment.merging(request.environment)
            )
        } catch {
            usage?.commandEnded()
            throw error
        }
        guard let execution = await running.add(command) else {
            throw DirectoryAccess.Failure.destroyed.error(.execError, request.workingDirectory)
        }
        return execution
    }

    /// Of the whole backend, and of this scope.
    private func directories(
        of request: ExecRequest
    ) async throws(BackendError) -> (workspace: FileDescriptorHandle, scope: FileDescriptorHandle) {
        let root = root
        if let workspace = root.outermost.openDescriptor, let scope = root.openDescriptor, !scope.isRemoved {
            return (workspace, scope)
        }
        return try await perform(.execError, request.workingDirectory) { files throws(DirectoryAccess.Failure) in
            guard !files.access.root.isRemoved else { throw .errno(ENOENT) }
            return (try root.outermost.descriptor(), files.access.root)
        }
    }

    /// Throws `DANGEROUS_OPERATION`.
    private func checkSafety(of request: ExecRequest) async throws(BackendError) {
        let safety = settings.safety
        guard safety.preventsDangerous else { return }
        if request.program.line.count <= Self.maximumCheckedOnTheSpot {
            return try safety.check(request.program, in: request.workingDirectory)
        }
        try await settings.threads.run { () throws(BackendError) in
            try safety.check(request.program, in: request.workingDirectory)
        }
    }

    /// Bytes of a command: to look at more of them would keep the calling thread, which may be an event loop's, for long.
    private static var maximumCheckedOnTheSpot: Int { 4096 }
}
