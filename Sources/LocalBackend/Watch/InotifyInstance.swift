internal import AgentBackend
internal import CLinux
internal import Glibc

/// An instance of inotify(7), and the thread that reads its events and hands them on until it is stopped.
final class InotifyInstance: Sendable {
    private let descriptor: FileDescriptorHandle
    /// Wakes the thread: eventfd(2).
    private let wakeup: FileDescriptorHandle

    /// What is to be done by the thread, asked for by ``wake()``.
    enum Errand {
        case goOn
        /// There is more to do at once.
        case comeBack
        case stop
    }

    /// Throws `RESOURCE_EXHAUSTED`.
    init() throws(BackendError) {
        let descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard descriptor >= 0 else { throw Self.exhausted("inotify_init1", errno) }
        self.descriptor = FileDescriptorHandle(owning: descriptor)
        let event = linux_event()
        guard event >= 0 else { throw Self.exhausted("eventfd", -event) }
        wakeup = FileDescriptorHandle(owning: event)
    }

    /// - Parameters:
    ///   - errand: Called after each ``wake()``.
    ///   - receive: Called with events, in order. Not between the two of one renaming, but where the second does not come
    ///     soon.
    func start(
        errand: @escaping @Sendable () -> Errand,
        receive: @escaping @Sendable ([InotifyEvent]) -> Void
    ) throws(BackendError) {
        try DedicatedThread.start(name: "file-watches") { [self] in run(errand, receive) }
    }

    func wake() {
        linux_signal_event(wakeup.number)
    }

    /// Watches a directory that is open, whatever its name is by now. Returns the number of the watch, or -errno.
    func add(_ directory: FileDescriptorHandle) -> Int32 {
        let watch = inotify_add_watch(descriptor.number, "/proc/self/fd/\(directory.number)", InotifyEvent.asked)
        return watch >= 0 ? watch : -errno
    }

    /// Of one that the kernel has forgotten nothing happens.
    func remove(_ watch: InotifyEvent.Watch) {
        _ = inotify_rm_watch(descriptor.number, watch)
    }

    private func run(_ errand: () -> Errand, _ receive: ([InotifyEvent]) -> Void) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
        defer { buffer.deallocate() }
        var held: [InotifyEvent] = []
        var isBusy = false
        while true {
            var waits = [
                pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeup.number, events: Int16(POLLIN), revents: 0),
            ]
            let patience = isBusy ? 0 : held.isEmpty ? -1 : Self.patience
            guard poll(&waits, nfds_t(waits.count), patience) >= 0 || errno == EINTR else { return }
            let count = read(descriptor.number, buffer.baseAddress, buffer.count)
            let events = count > 0 ? InotifyEvent.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count])) : []
            hand(on: events, &held, receive)
            if waits[1].revents != 0 { linux_await_event(wakeup.number) }
            guard isBusy || waits[1].revents != 0 else { continue }
            switch errand() {
            case .goOn: isBusy = false
            case .comeBack: isBusy = true
            case .stop: return
            }
        }
    }

    /// Keeps back an event whose other half is to come.
    private func hand(on events: [InotifyEvent], _ held: inout [InotifyEvent], _ receive: ([InotifyEvent]) -> Void) {
        var ready = held + events
        held = []
        if let last = ready.last, !events.isEmpty,
            DirectoryEvent.awaitsPartner(last, after: ready.dropLast().last)
        {
            held = [ready.removeLast()]
        }
        if !ready.isEmpty { receive(ready) }
    }

    static func exhausted(_ call: String, _ number: Int32) -> BackendError {
        BackendError(
            .resourceExhausted,
            systemErrno: number,
            message: "the host has no room for another watch (\(call), errno \(number)): watch less, or have "
                + "fs.inotify.max_user_instances and fs.inotify.max_user_watches raised",
            isRetryable: true
        )
    }

    /// Milliseconds that the second event of a renaming may take. The kernel makes both in one go.
    private static let patience: Int32 = 10
}
