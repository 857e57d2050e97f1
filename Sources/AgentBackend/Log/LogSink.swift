internal import CLinux
internal import Glibc

/// Where a ``LogWriter`` puts records. Used by its thread alone; may block.
package protocol LogSink<Record>: Sendable {
    associatedtype Record: LogRecord

    /// Writes as much as can be written, and says what was not.
    mutating func write(_ batch: RecordBatch<Record>, _ patience: SinkPatience) -> Missed
    /// Nothing is written after it.
    mutating func close()
}

/// What could not be written.
package struct Missed {
    /// Records of the batch.
    package var records = 0
    /// Records that went missing before, about which nothing could be written either.
    package var notices: UInt64 = 0
}

/// How long a sink waits for whoever reads it: until the writer is abandoned.
package struct SinkPatience: Sendable {
    private let wakeUp: WakeUp
    private let isAbandoned: @Sendable () -> Bool

    init(wakeUp: WakeUp, isAbandoned: @escaping @Sendable () -> Bool) {
        self.wakeUp = wakeUp
        self.isAbandoned = isAbandoned
    }

    /// Waits until a write of up to 4096 bytes will not block, or fails. False: nobody waits any longer.
    func waitUntilWritable(_ descriptor: Int32) -> Bool {
        while true {
            let isAbandoned = isAbandoned()
            var polled = [
                pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&polled, nfds_t(polled.count), isAbandoned ? 0 : -1)
            if count < 0, errno != EINTR { return false }
            if polled[0].revents != 0 { return true }
            if isAbandoned { return false }
            if polled[1].revents != 0 { wakeUp.wait() }
        }
    }
}

/// Wakes one thread: eventfd(2).
package final class WakeUp: Sendable {
    let descriptor: Int32

    /// Throws `RESOURCE_EXHAUSTED`.
    package init() throws(BackendError) {
        descriptor = linux_event()
        guard descriptor >= 0 else {
            throw BackendError(
                .resourceExhausted,
                systemErrno: -descriptor,
                message: "the host is out of descriptors or memory (eventfd, errno \(-descriptor)): try again later",
                isRetryable: true
            )
        }
    }

    deinit {
        Glibc.close(descriptor)
    }

    package func signal() {
        linux_signal_event(descriptor)
    }

    /// Returns at once where it was signalled since the last time.
    package func wait() {
        linux_await_event(descriptor)
    }

    /// Waits no longer than so many milliseconds.
    package func wait(upTo timeout: Int32) {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, timeout) > 0 { wait() }
    }
}
