public import AgentBackend
internal import Glibc

/// Runs commands for a local backend. What isolates them is behind this.
package protocol CommandStarter: Sendable {
    /// - Parameters:
    ///   - directory: Descriptor of the scope's root, open as a path, borrowed for the call.
    ///   - environment: All that the command gets, besides what the isolation itself sets.
    func start(
        _ request: ExecRequest,
        directory: Int32,
        environment: Environment,
        identity: HostIdentity?
    ) async throws(BackendError) -> any StartedCommand
}

/// A command that tells on the spot whether it has ended.
package protocol StartedCommand: CommandExecution {
    /// No process of the tree is left.
    var hasEnded: Bool { get }
}

extension LocalFilesystemBackend {
    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        guard !root.isDestroyed else {
            throw DirectoryAccess.Failure.destroyed.error(.execError, request.workingDirectory)
        }
        guard let commands = settings.commands else {
            throw BackendError(
                .notImplemented,
                message: "this backend was made without a way to run commands",
                operation: "exec"
            )
        }
        try await checkSafety(of: request)
        let directory = try await perform(.execError, request.workingDirectory) {
            files throws(DirectoryAccess.Failure) in
            guard !files.access.root.isRemoved else { throw .errno(ENOENT) }
            return files.access.root
        }
        // Nothing else may keep it open for as long as its number is in use.
        defer { withExtendedLifetime(directory) {} }
        let command = try await commands.start(
            request,
            directory: directory.number,
            environment: settings.environment.merging(request.environment),
            identity: identity
        )
        guard let execution = await running.add(command) else {
            throw DirectoryAccess.Failure.destroyed.error(.execError, request.workingDirectory)
        }
        return execution
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
