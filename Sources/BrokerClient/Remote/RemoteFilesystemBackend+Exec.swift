public import AgentBackend
internal import BrokerWire

extension RemoteFilesystemBackend {
    /// Returns when the command has started. Throws what the broker cannot start it for; see ``Backend/start(_:)``.
    ///
    /// Whoever reads one stream only waits once so much of the other is unread as the broker's window for a call takes,
    /// 1 MiB: as with the command's own pipes, which are full then. A command that is let go, or whose connection is lost, is ended with
    /// its whole tree.
    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        try checkNotDestroyed()
        return try await RemoteCommand.start(try connection.start(.exec(request, on: target, options)))
    }
}
