import AgentBackend
import CLinux
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
        /// What cannot be done with what, such as standard input, and why.
        case system(Attempt, of: String, errno: Int32)
    }

    enum Attempt: String {
        case read
        case write
        case wait = "wait for"
        case make
        case setUp = "set up"
    }

    let number: Int32
    /// Its own: who waits for one descriptor must not hold up another, however few cores there are.
    private let thread = NIOThreadPool(numberOfThreads: 1)
    /// Readable once the waits are to end.
    private let cancellation: Pipe
    private let isRegularFile: Bool

    init(_ number: Int32) throws(Failure) {
        self.number = number
        cancellation = try Pipe()
        isRegularFile = linux_regular_file_size(number) >= 0
    }

    deinit {
        thread.shutdownGracefully { _ in }
    }

    var isTerminal: Bool { isatty(number) == 1 }

    /// What is left to read of a regular file, as long as it is now; nil for anything else.
    var remainingBytes: UInt64? {
        let offset = lseek(number, 0, SEEK_CUR)
        guard isRegularFile, offset >= 0 else { return nil }
        return UInt64(max(0, linux_regular_file_size(number) - Int64(offset)))
    }

    /// The next bytes, as soon as there are some; nil at the end.
    func read(upTo count: Int) async throws -> ByteBuffer? {
        try await onThread {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            var isAtEnd = false
            while buffer.readableBytes == 0, !isAtEnd {
                try self.wait(for: POLLIN)
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                    let result = try self.result(of: Glibc.read(self.number, memory.baseAddress, count), .read)
                    isAtEnd = result == 0
                    return result ?? 0
                }
            }
            return isAtEnd ? nil : buffer
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
                    try self.result(of: Glibc.write(self.number, memory.baseAddress, count), .write)
                }
                rest.moveReaderIndex(forwardBy: written ?? 0)
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        try await write(ByteBuffer(bytes: bytes))
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withTaskCancellationHandler {
            thread.start()
            return try await thread.runIfActive(body)
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
        _ = try result(of: Int(poll(&polled, nfds_t(polled.count), -1)), .wait)
        if polled[1].revents != 0 { throw CancellationError() }
    }

    /// Of a system call that was just made; nil: there was nothing to do after all, ask again.
    private func result(of returned: Int, _ attempt: Attempt) throws(Failure) -> Int? {
        if returned >= 0 { return returned }
        switch errno {
        case EINTR, EAGAIN: return nil
        case EPIPE: throw .brokenPipe
        case let code: throw .system(attempt, of: name, errno: code)
        }
    }

    private var name: String {
        switch number {
        case 0: "standard input"
        case 1: "standard output"
        case 2: "standard error"
        default: "descriptor \(number)"
        }
    }
}

extension Descriptor {
    /// The bytes of a descriptor up to its end, a piece at a time.
    struct Contents: AsyncSequence, AsyncIteratorProtocol {
        let descriptor: Descriptor
        /// Is told of each piece.
        var bar: ProgressBar?

        func makeAsyncIterator() -> Contents { self }

        func next() async throws -> ByteBuffer? {
            let piece = try await descriptor.read(upTo: pieceLength)
            if let piece { bar?.advance(piece.readableBytes) }
            return piece
        }

        private var pieceLength: Int { 256 << 10 }
    }

    var contents: Contents { Contents(descriptor: self) }
}
