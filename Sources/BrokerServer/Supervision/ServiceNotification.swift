internal import Glibc

/// Tells a service manager how the process is doing: sd_notify(3). Safe to use from any thread; does not wait.
struct ServiceNotification: Sendable {
    enum State: Sendable {
        case ready
        /// `.ready` follows.
        case reloading
        case stopping
    }

    private let address: String

    /// `address`: a path, or `@` and an abstract name. Nil for none, and for what is neither.
    init?(address: String?) {
        guard let address, address.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path),
            address.hasPrefix("/") || (address.hasPrefix("@") && address.utf8.count > 1)
        else { return nil }
        self.address = address
    }

    /// False: nobody got it. The process goes on all the same.
    @discardableResult
    func send(_ state: State) -> Bool {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var (target, length) = socketAddress
        let message = Array(text(of: state).utf8)
        let count = withUnsafePointer(to: &target) { target in
            target.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                sendto(descriptor, message, message.count, CInt(MSG_NOSIGNAL), target, length)
            }
        }
        return count == message.count
    }

    private func text(of state: State) -> String {
        switch state {
        case .ready: "READY=1\n"
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds)\n"
        case .stopping: "STOPPING=1\n"
        }
    }

    private static var monotonicMicroseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    /// An abstract name begins with a NUL, and its length counts.
    private var socketAddress: (sockaddr_un, socklen_t) {
        var result = sockaddr_un()
        result.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(address.utf8)
        let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0
        withUnsafeMutableBytes(of: &result) { buffer in
            for (index, byte) in bytes.enumerated() { buffer[offset + index] = byte }
            if bytes.first == UInt8(ascii: "@") { buffer[offset] = 0 }
        }
        return (result, socklen_t(offset + bytes.count))
    }
}
