internal import AgentBackend

/// The broker's ends of a command's standard streams.
struct CommandStreams: Sendable {
    /// Nil: it is at its end from the beginning.
    let input: InputPipe?
    let output: OutputPipe
    /// Nil for a terminal, where everything is output.
    let error: OutputPipe?

    init(input: MonitoredDescriptor?, output: MonitoredDescriptor, error: MonitoredDescriptor) {
        self.input = input.map { InputPipe($0) }
        self.output = OutputPipe(output)
        self.error = OutputPipe(error)
    }

    /// Of a terminal, by its other side.
    init(
        terminal: consuming OwnedDescriptor,
        opensStandardInput: Bool,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        // Who waits to read and who waits to write wait apart.
        let writing = try terminal.duplicate()
        let input = InputPipe(try MonitoredDescriptor(writing, for: .hungUp, reactor: reactor), isTerminal: true)
        if !opensStandardInput { input.close() }
        self.input = input
        output = OutputPipe(try MonitoredDescriptor(terminal, for: .readable, reactor: reactor), isTerminal: true)
        error = nil
    }

    /// Nothing of the tree is left; see ``OutputPipe/treeEnded(_:)``.
    func treeEnded(_ failure: BackendError?) {
        input?.treeEnded()
        output.treeEnded(failure)
        error?.treeEnded(failure)
    }

    /// Nobody will read. Idempotent.
    func closeOutput() {
        output.close()
        error?.close()
    }
}
