internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// Ends the reactor's wait for descriptors, since there is something else to look at. Safe to use from any thread.
final class ReactorSignal: Sendable {
    private let event: OwnedDescriptor
    /// The reactor's, once it runs.
    private let thread = Atomic<UInt>(0)

    init() throws(BackendError) {
        event = try OwnedDescriptor.made(by: "eventfd", linux_event())
    }

    /// What becomes readable.
    var descriptor: Int32 { event.rawValue }

    /// The calling thread is the reactor's.
    func takeThread() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
    }

    /// The reactor's own thread looks again before it waits.
    func send() {
        if thread.load(ordering: .relaxed) != UInt(pthread_self()) { linux_signal_event(event.rawValue) }
    }

    /// The same, also from the reactor's thread, where what is to be looked at is nothing that it looks at anyway: that it
    /// is to stop.
    func sendAlways() {
        linux_signal_event(event.rawValue)
    }

    /// It was noticed.
    func clear() {
        linux_await_event(event.rawValue)
    }
}
