internal import Glibc
internal import Synchronization

/// A process of bubblewrap that was started, and the broker's ends of what leads to it. Safe to share.
final class LaunchedSandbox: Sendable {
    /// bubblewrap, the first process of namespaces around the sandbox: dies last, and takes all along. Valid until
    /// it is reaped through ``process``.
    let processID: pid_t
    /// Its pidfd: readable once nothing of the tree is left.
    let process: MonitoredDescriptor
    /// Through which it got the command's filter: hangs up when the sandbox is set up, or is dead.
    let filter: MonitoredDescriptor
    private let status: Mutex<OwnedDescriptor?>
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
        self.status = Mutex(status)
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
    }

    /// What bubblewrap told of the command by its end, as JSON. Empty the second time.
    func takeStatus() -> [UInt8] {
        status.withLock { status in
            guard let descriptor = status.take() else { return [] }
            return descriptor.readAll()
        }
    }
}
