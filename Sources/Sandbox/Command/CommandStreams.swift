/// The broker's ends of a command's standard streams.
struct CommandStreams: Sendable {
    /// Nil: it is at its end from the beginning.
    let input: MonitoredDescriptor?
    let output: MonitoredDescriptor
    let error: MonitoredDescriptor
}
