internal import Glibc

/// A process of bubblewrap that was started, and the broker's ends of what leads to it. Safe to share.
final class LaunchedSandbox: Sendable {
    /// bubblewrap, the first process of namespaces around the sandbox: dies last, and takes all along. Valid until
    /// it is reaped through ``process``.
    let processID: pid_t
    /// Its pidfd: readable once nothing of the tree is left.
    let process: MonitoredDescriptor
    /// Through which it got the command's filter: hangs up when the sandbox is set up, or is dead.
    let filter: MonitoredDescriptor
    /// Where bubblewrap tells how the command ended, as JSON.
    let status: OwnedDescriptor
    let standardInput: MonitoredDescriptor?
    let standardOutput: MonitoredDescriptor
    let standardError: MonitoredDescriptor

    init(
        processID: pid_t,
        process: MonitoredDescriptor,
        filter: MonitoredDescriptor,
        status: consuming OwnedDescriptor,
        standardInput: MonitoredDescriptor?,
        standardOutput: MonitoredDescriptor,
        standardError: MonitoredDescriptor
    ) {
        self.processID = processID
        self.process = process
        self.filter = filter
        self.status = status
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
    }
}
