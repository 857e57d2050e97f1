internal import AgentBackend
internal import CLinux
internal import Synchronization

/// Whom the reactor tells that a descriptor may be ready. It does no more than what takes no time.
protocol ReadinessTarget: AnyObject, Sendable {
    /// Called by the reactor's thread.
    func becameReady()
}

/// Tells when descriptors are ready, and when it is time: one epoll(7) instance, with a thread.
///
/// Its thread wakes those who wait: reads and writes are theirs, so that a pipe that nobody reads stays full. Tasks that
/// wait for it again and again may run there as well, which saves a change of threads each time: they do no more than
/// what takes no time, and are over before ``stop()``. Safe to use from any thread. ``run()`` holds the thread that it is
/// called on until ``stop()``.
final class ReadinessReactor: TaskExecutor {
    private struct Registration {
        weak var target: (any ReadinessTarget)?
    }

    private struct State {
        /// 0 is the reactor's own.
        var nextKey: UInt64 = 1
        var registrations: [UInt64: Registration] = [:]
    }

    private static let wakeKey: UInt64 = 0
    private static let eventsAtOnce = 64

    private let epoll: OwnedDescriptor
    private let signal: ReactorSignal
    private let jobs = Mutex<[UnownedJob]>([])
    private let isStopped = Atomic(false)
    let sleepers: Sleepers
    private let state = Mutex(State())

    init() throws(BackendError) {
        epoll = try OwnedDescriptor.made(by: "epoll_create1", linux_epoll())
        signal = try ReactorSignal()
        sleepers = Sleepers(signal)
        try systemCall(
            "epoll_ctl",
            linux_epoll_add(epoll.rawValue, signal.descriptor, Self.wakeKey, linux_epoll_readable)
        )
    }

    func run() {
        signal.takeThread()
        // Commands that compute do not keep it from those that wait. It is no harm where that cannot be had.
        _ = linux_take_short_turns()
        var keys = [UInt64](repeating: 0, count: Self.eventsAtOnce)
        while !isStopped.load(ordering: .acquiring) {
            let count = linux_epoll_wait(epoll.rawValue, &keys, Int32(keys.count), runWhatCanRun())
            // epoll_wait() fails for wrong arguments only, which these are not.
            guard count >= 0 else { break }
            for key in keys.prefix(Int(count)) {
                if key == Self.wakeKey {
                    signal.clear()
                    _ = linux_epoll_arm(epoll.rawValue, signal.descriptor, key, linux_epoll_readable)
                    continue
                }
                state.withLock { $0.registrations[key]?.target }?.becameReady()
            }
        }
        sleepers.stop()
        // Those that slept, to their ends.
        _ = runWhatCanRun()
    }

    /// Returns in how many milliseconds there is something again, as far as it is known; -1: that is told.
    private func runWhatCanRun() -> Int32 {
        while true {
            let milliseconds = sleepers.wakeThoseDue()
            let ready = jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
            guard !ready.isEmpty else { return milliseconds }
            for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    /// Ends ``run()``. Idempotent.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        signal.sendAlways()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            defer { jobs.append(job) }
            return jobs.isEmpty
        }
        if isFirst { signal.send() }
    }

    // MARK: For those who are told

    func makeKey() -> UInt64 {
        state.withLock { state in
            defer { state.nextKey += 1 }
            return state.nextKey
        }
    }

    /// As if ``arm(key:descriptor:for:)`` was called, too.
    func add(
        _ target: any ReadinessTarget,
        key: UInt64,
        descriptor: Int32,
        for interest: MonitoredDescriptor.Interest
    ) throws(BackendError) {
        state.withLock { $0.registrations[key] = Registration(target: target) }
        let result = linux_epoll_add(epoll.rawValue, descriptor, key, interest.epollInterest)
        guard result < 0 else { return }
        state.withLock { $0.registrations[key] = nil }
        throw .systemCall("epoll_ctl", errno: -result)
    }

    func arm(key: UInt64, descriptor: Int32, for interest: MonitoredDescriptor.Interest) {
        // Fails only for a descriptor that was not added or is closed, and its owner holds it open.
        _ = linux_epoll_arm(epoll.rawValue, descriptor, key, interest.epollInterest)
    }

    func remove(key: UInt64, descriptor: Int32) {
        // Closing alone would not do: a child that is being started has a copy of every descriptor.
        _ = linux_epoll_remove(epoll.rawValue, descriptor)
        state.withLock { $0.registrations[key] = nil }
    }
}

extension MonitoredDescriptor.Interest {
    fileprivate var epollInterest: linux_epoll_interest {
        switch self {
        case .readable: linux_epoll_readable
        case .bytes: linux_epoll_bytes
        case .writable: linux_epoll_writable
        case .hungUp: linux_epoll_hung_up
        }
    }
}
