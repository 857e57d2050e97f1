import AgentBackend
import Glibc
import NIOCore
import NIOPosix

/// A descriptor that the process was started with, or a pipe of its own: read and written on a thread that may block.
///
/// Its flags stay as they are: other processes, such as the shell, share them. Cancelling the task ends a wait with
/// `CancellationError`. One task at a time.
final class Descriptor: Sendable {
    enum Failure: Error {
        /// Nobody reads it any more.
        case brokenPipe
        case system(errno: Int32)
    }

    let number: Int32
    /// Readable once the waits are to end.
    private let cancellation: Pipe
    private let isRegularFile: Bool

    init(_ number: Int32) throws(Failure) {
        self.number = number
        cancellation = try Pipe()
        var status = stat()
        isRegularFile = fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    var isTerminal: Bool { isatty(number) == 1 }

    /// The next bytes, as soon as there are some; nil at the end.
    func read(upTo count: Int) async throws -> ByteBuffer? {
        try await onThread {
            try self.wait(for: POLLIN)
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                try Self.retrying { Glibc.read(self.number, memory.baseAddress, count) }
            }
            return buffer.readableBytes > 0 ? buffer : nil
        }
    }

    /// Writes all of it.
    func write(_ bytes: ByteBuffer) async throws {
        guard bytes.readableBytes > 0 else { return }
        try await onThread {
            var rest = bytes
            while rest.readableBytes > 0 {
                try self.wait(for: POLLOUT)
                // What poll(2) allows never blocks up to this many bytes of a pipe.
                let count = self.isRegularFile ? rest.readableBytes : min(rest.readableBytes, Int(PIPE_BUF))
                let written = try rest.withUnsafeReadableBytes { memory in
                    try Self.retrying { Glibc.write(self.number, memory.baseAddress, count) }
                }
                rest.moveReaderIndex(forwardBy: written)
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        try await write(ByteBuffer(bytes: bytes))
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withTaskCancellationHandler {
            try await NIOThreadPool.singleton.runIfActive(body)
        } onCancel: {
            cancellation.write(1)
        }
    }

    /// Waits until the descriptor is ready or broken. Throws `CancellationError` once the task was cancelled.
    private func wait(for events: Int32) throws {
        var polled = [
            pollfd(fd: number, events: Int16(events), revents: 0),
            pollfd(fd: cancellation.readEnd, events: Int16(POLLIN), revents: 0),
        ]
        _ = try Self.retrying { Int(poll(&polled, nfds_t(polled.count), -1)) }
        if polled[1].revents != 0 { throw CancellationError() }
    }

    /// Repeats a system call that a signal interrupted, or that found nothing to do after all.
    private static func retrying(_ call: () -> Int) throws(Failure) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            switch errno {
            case EINTR, EAGAIN: continue
            case EPIPE: throw .brokenPipe
            default: throw .system(errno: errno)
            }
        }
    }
}

extension Descriptor {
    /// The bytes of a descriptor up to its end, a piece at a time.
    struct Contents: AsyncSequence, AsyncIteratorProtocol {
        let descriptor: Descriptor

        func makeAsyncIterator() -> Contents { self }

        func next() async throws -> ByteBuffer? { try await descriptor.read(upTo: pieceLength) }

        private var pieceLength: Int { 256 << 10 }
    }

    var contents: Contents { Contents(descriptor: self) }
}
