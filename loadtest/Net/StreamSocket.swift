internal import CLinux
internal import Glibc
internal import NIOCore

/// A connected stream socket, closed with the value. Not safe to share between threads.
struct StreamSocket: ~Copyable {
    let descriptor: Int32

    /// Connects, and stays blocking with `patience` as the limit of the connect and of each send and
    /// receive until
    /// ``makeNonBlocking()``.
    init(to endpoint: Endpoint, patience: Duration) throws(LoadFailure) {
        descriptor = try endpoint.withSocketAddress { (family, address, length) throws(LoadFailure) in
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system("socket") }
            guard clinux_set_socket_patience(descriptor, patience.components.seconds) == 0,
                connect(descriptor, address, length) == 0
            else {
                let failure = LoadFailure.system("connect", endpoint.description)
                close(descriptor)
                throw failure
            }
            return descriptor
        }
        // Fails for a unix socket, which needs it not.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close(descriptor)
    }

    func makeNonBlocking() throws(LoadFailure) {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else { throw .system("fcntl") }
    }

    /// Appends what has arrived. Returns false when there is nothing now. Throws when the peer has closed.
    func receive(into buffer: inout ByteBuffer, atMost limit: Int) throws(LoadFailure) -> Bool {
        var outcome = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { room in
            outcome = recv(descriptor, room.baseAddress, room.count, 0)
            return max(outcome, 0)
        }
        if outcome > 0 { return true }
        guard outcome < 0 else { throw .connection("closed by the server") }
        if errno == EAGAIN || errno == EINTR { return false }
        throw .system("recv")
    }

    /// Sends no more, and takes what comes until the peer has closed. Returns how many bytes that were. Throws where the
    /// peer has not closed within `patience`.
    func receiveUntilClosed(within patience: Duration) throws(LoadFailure) -> Int {
        guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else { throw .system("shutdown") }
        let end = Clocks.monotonic() + patience.nanoseconds
        var room = [UInt8](repeating: 0, count: 64 << 10)
        var sum = 0
        while Clocks.monotonic() < end {
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, 100)
            let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT))
            if count == 0 { return sum }
            if count > 0 {
                sum += count
            } else if errno != EAGAIN, errno != EINTR {
                throw .system("recv")
            }
        }
        throw .connection("not closed by the server within \(patience)")
    }

    /// Sends what it can and consumes that. Returns false when some is left.
    func send(_ buffer: inout ByteBuffer) throws(LoadFailure) -> Bool {
        while buffer.readableBytes > 0 {
            let sent = buffer.withUnsafeReadableBytes { bytes in
                Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return false }
                throw .system("send")
            }
            buffer.moveReaderIndex(forwardBy: sent)
        }
        buffer.clear()
        return true
    }
}
