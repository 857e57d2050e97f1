import AgentBackend
import BrokerWire
import Glibc
import NIOCore

/// A TCP socket of the loopback without anything around it, of which a test may have thousands. Blocks; one user at a
/// time. Closed when it is gone.
final class PlainSocket {
    private let descriptor: Int32
    private var accumulator = FrameAccumulator()
    private let decoder = ServerFrameDecoder()

    /// Longest wait for something to arrive. Only a broker that hangs takes so long.
    private static let patience = 60

    /// - Parameter receiveBuffer: Bytes that the kernel keeps for it while it does not read; nil: its default.
    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try Self.check(descriptor, "socket")
        if let receiveBuffer { try set(SO_RCVBUF, to: receiveBuffer) }
        try set(SO_RCVTIMEO, to: timeval(tv_sec: Self.patience, tv_usec: 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try Self.check(result, "connect")
    }

    deinit {
        close(descriptor)
    }

    /// Returns when the kernel has all of it.
    func send(_ bytes: ByteBufferView) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            try Self.check(Int32(clamping: count), "send")
            rest = rest.dropFirst(count)
        }
    }

    /// The next frame of the broker's; nil: it has closed.
    func next() throws -> ServerFrame? {
        while true {
            if let message = try accumulator.next() { return try decoder.decode(message) }
            var bytes = ByteBuffer()
            var count = 0
            bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 64 << 10) { memory in
                count = recv(descriptor, memory.baseAddress, memory.count, 0)
                return max(0, count)
            }
            try Self.check(Int32(clamping: count), "recv")
            guard count > 0 else { return nil }
            accumulator.append(bytes)
        }
    }

    private func set<Value: BitwiseCopyable>(_ option: Int32, to value: Value) throws {
        var value = value
        let size = socklen_t(MemoryLayout<Value>.size)
        try Self.check(setsockopt(descriptor, SOL_SOCKET, option, &value, size), "setsockopt")
    }

    private static func check(_ result: Int32, _ call: String) throws {
        guard result >= 0 else { throw BackendError(.internal, systemErrno: errno, message: "\(call) failed") }
    }
}

/// Lets this process, and what it starts, have so many descriptors at least. Throws where it may not.
func raiseDescriptorLimit(to count: Int) throws {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    getrlimit(resource, &limit)
    guard limit.rlim_cur < count else { return }
    limit.rlim_cur = rlim_t(count)
    limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
    guard setrlimit(resource, &limit) == 0 else {
        throw BackendError(
            .internal,
            systemErrno: errno,
            message: "\(count) descriptors are needed: raise `ulimit -Hn`"
        )
    }
}
