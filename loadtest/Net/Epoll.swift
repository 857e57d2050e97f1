internal import CLinux
internal import Glibc

/// An epoll(7) instance, level-triggered. Each descriptor is known by a token of the caller's choice.
/// Not safe to share between threads.
struct Epoll: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    init() throws(LoadFailure) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system("epoll_create1") }
        events = .allocate(capacity: 256)
        events.initialize(repeating: epoll_event())
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    struct Ready {
        let token: Int
        let isReadable: Bool
        let isWritable: Bool
    }

    /// Begins to watch for what can be read.
    func add(_ watched: Int32, token: Int) throws(LoadFailure) {
        try control(EPOLL_CTL_ADD, watched, token, EPOLLIN.rawValue)
    }

    /// Watches, besides what can be read, for room to write, or no longer so.
    func watch(_ watched: Int32, token: Int, forRoom: Bool) throws(LoadFailure) {
        try control(EPOLL_CTL_MOD, watched, token, EPOLLIN.rawValue | (forRoom ? EPOLLOUT.rawValue : 0))
    }

    /// Waits for at least one descriptor, `limit` nanoseconds at the longest, and returns how many are ready; they are
    /// ``ready(_:)`` 0 up to that.
    func wait(limit: UInt64) throws(LoadFailure) -> Int {
        // A timespec, whose members are of a module that release builds cannot name.
        let time = (seconds: Int(limit / 1_000_000_000), nanoseconds: Int(limit % 1_000_000_000))
        let count = withUnsafeBytes(of: time) { time in
            epoll_pwait2(
                descriptor,
                events.baseAddress,
                Int32(events.count),
                time.baseAddress?.assumingMemoryBound(to: timespec.self),
                nil
            )
        }
        if count >= 0 { return Int(count) }
        guard errno == EINTR else { throw .system("epoll_pwait2") }
        return 0
    }

    func ready(_ index: Int) -> Ready {
        let event = events[index]
        // A hang-up or an error shows when the descriptor is read.
        let failed = EPOLLHUP.rawValue | EPOLLERR.rawValue
        return Ready(
            token: Int(truncatingIfNeeded: event.data.u64),
            isReadable: event.events & (EPOLLIN.rawValue | failed) != 0,
            isWritable: event.events & EPOLLOUT.rawValue != 0
        )
    }

    /// Watches it no longer.
    func remove(_ watched: Int32) throws(LoadFailure) {
        try control(EPOLL_CTL_DEL, watched, 0, 0)
    }

    private func control(_ operation: Int32, _ watched: Int32, _ token: Int, _ events: UInt32) throws(LoadFailure) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: UInt64(truncatingIfNeeded: token)))
        guard epoll_ctl(descriptor, operation, watched, &event) == 0 else { throw .system("epoll_ctl") }
    }
}
