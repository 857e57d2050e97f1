internal import FoundationEssentials
internal import Glibc

/// One end of a conversation between two processes: values as lines of JSON over a stream socket. Used by one thread.
final class LineChannel {
    let descriptor: Int32
    private var received: [UInt8] = []
    /// Of `received`: what was looked through for the end of a line.
    private var searched = 0

    /// Takes the descriptor over.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Both ends of a new one. The second is for a child process, and is the caller's to close.
    static func pair() throws(LoadFailure) -> (LineChannel, childEnd: Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .system("socketpair")
        }
        return (LineChannel(ends[0]), ends[1])
    }

    func send(_ value: some Encodable) throws(LoadFailure) {
        let bytes: [UInt8]
        do { bytes = Array(try JSONEncoder().encode(value)) + [0x0a] } catch { throw .child("cannot encode: \(error)") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// The next value, if a line is there as a whole; reads once, which waits for bytes unless poll(2) said that there
    /// are some. Throws when the other end is closed.
    func receive<Value: Decodable>(_: Value.Type) throws(LoadFailure) -> Value? {
        if let value: Value = try nextValue() { return value }
        var part = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &part, part.count)
        guard count > 0 else {
            if count < 0, errno == EINTR { return nil }
            throw .child("the other end of a generator's channel is closed")
        }
        received += part.prefix(count)
        return try nextValue()
    }

    /// Whether there is a line that was received already.
    var hasMore: Bool { received[searched...].contains(0x0a) }

    private func nextValue<Value: Decodable>() throws(LoadFailure) -> Value? {
        guard let newline = received[searched...].firstIndex(of: 0x0a) else {
            searched = received.count
            return nil
        }
        let line = Data(received[..<newline])
        received.removeFirst(newline + 1)
        searched = 0
        do { return try JSONDecoder().decode(Value.self, from: line) } catch {
            throw .child("a generator said what is not expected: \(error)")
        }
    }
}
