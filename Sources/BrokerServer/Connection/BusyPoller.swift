internal import CLinux
internal import Glibc
internal import NIOCore

/// Has an event loop ask for requests as ``BusyPoll`` says.
///
/// `@unchecked Sendable`: used on that event loop alone.
final class BusyPoller: @unchecked Sendable {
    private var machine = BusyPoll()
    private let clock: () -> UInt64

    /// `clock`: nanoseconds of a monotonic one.
    init(clock: @escaping () -> UInt64 = clinux_monotonic_nanoseconds) {
        self.clock = clock
    }

    func heard(from peer: UInt64, limit: UInt64) {
        machine.heard(from: peer, limit: limit, at: clock())
    }

    /// Returns whether ``wait(for:limit:)`` is to be called, once the loop has done what else there is.
    func answered(_ peer: UInt64, limit: UInt64) -> Bool {
        machine.answered(peer, limit: limit, at: clock())
    }

    func breakRow() {
        machine.breakRow()
    }

    /// Returns when something has arrived, or is not worth waiting for like this.
    func wait(for channel: any Channel, limit: UInt64) {
        // What the socket has not taken yet goes out when the loop is told that it takes more.
        guard (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0 else { return }
        // A channel that is closed by now, or has no socket, is not waited for.
        _ = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable { (socket: NIOBSDSocket.Handle) in
            var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            var isReady: Bool
            repeat {
                isReady = poll(&polled, 1, 0) != 0
            } while machine.asked(isReady: isReady, limit: limit, at: clock())
        }
    }
}
