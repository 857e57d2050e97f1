internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore
internal import Synchronization

/// The broker's end of a stream that a command writes.
///
/// Bytes leave the pipe only as they are read: a reader that stops, stops the command. Safe to use from any thread;
/// one read at a time.
final class OutputPipe: Sendable {
    private struct State {
        var isReading = false
        /// It is worth a look, which takes two system calls.
        var mayHaveBytes = false
        /// Bytes that left the pipe.
        var count: UInt64 = 0
        /// Why the command never ran.
        var failure: BackendError?
    }

    private enum Attempt {
        case bytes(ByteBuffer)
        case wouldBlock
        /// Nobody has the other end open.
        case closed
    }

    private let descriptor: MonitoredDescriptor
    private let isTerminal: Bool
    private let state = Mutex(State())
    private let end = Completion<Void>()

    init(_ descriptor: MonitoredDescriptor, isTerminal: Bool = false) {
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// Waits for bytes and returns at most `count` of them; nil at the end of all that the tree wrote. Throws why
    /// the command never ran, `CANCELLED`, and `CONFLICT` where another task is reading.
    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        try beginReading()
        defer { state.withLock { $0.isReading = false } }
        while true {
            // Asked first: what the tree wrote before its end is found by the attempt after it.
            let hasEnded = end.value != nil
            if !hasEnded, !state.withLock({ $0.mayHaveBytes }) {
                if case .cancelled = await descriptor.wait(until: isTerminal ? .readable : .bytes) {
                    throw .waitCancelled
                }
                state.withLock { $0.mayHaveBytes = true }
                continue
            }
            switch try attempt(upTo: count) {
            case .bytes(let bytes):
                return bytes
            case .wouldBlock where hasEnded, .closed where hasEnded:
                descriptor.close()
                if let failure = state.withLock({ $0.failure }) { throw failure }
                return nil
            case .wouldBlock:
                state.withLock { $0.mayHaveBytes = false }
            case .closed:
                // epoll(7) would report this without end.
                if await end.wait() == nil { throw .waitCancelled }
            }
        }
    }

    /// Bytes that were written so far, whether they were read or not, as far as the pipe is open. Of a terminal: those
    /// that were read.
    func writtenCount() -> UInt64 {
        state.withLock { state in
            let waiting = isTerminal ? 0 : descriptor.withDescriptor { linux_readable_bytes($0) } ?? 0
            return state.count + UInt64(max(0, waiting))
        }
    }

    /// Changes what programs see as the size of their terminal.
    func resizeTerminal(to size: TerminalSize) {
        _ = descriptor.withDescriptor { sandbox_resize_terminal($0, size.rows, size.columns) }
    }

    /// Closes the pipe: a read finds the end. Idempotent.
    func close() {
        descriptor.close()
    }

    /// Nothing of the tree is left, and what it wrote is in the pipe. `failure`: the command never ran, and readers get
    /// this.
    func treeEnded(_ failure: BackendError?) {
        state.withLock { $0.failure = failure }
        end.fulfil(())
        descriptor.interrupt()
    }

    /// Bytes: of who wrote as many, more is likely to be there when it is looked again.
    private static let muchAtOnce = 4096

    /// What the kernel holds of one.
    private static let terminalReadSize = 4096

    private func beginReading() throws(BackendError) {
        let isFree = state.withLock { state in
            defer { state.isReading = true }
            return !state.isReading
        }
        guard !isFree else { return }
        throw BackendError(.conflict, message: "another task reads this stream: read it from one")
    }

    private func attempt(upTo count: Int) throws(BackendError) -> Attempt {
        let result = state.withLock { state in
            let attempt = readPipe(upTo: count)
            if case .success(.bytes(let bytes)) = attempt {
                state.count += UInt64(bytes.readableBytes)
                // Who writes little at a time is waited for.
                state.mayHaveBytes = bytes.readableBytes >= min(count, Self.muchAtOnce)
            }
            return attempt
        }
        return try result.get()
    }

    private func readPipe(upTo count: Int) -> Result<Attempt, BackendError> {
        let attempt = descriptor.withDescriptor { descriptor -> Result<Attempt, BackendError> in
            // No more memory than there are bytes; a terminal does not tell, and has few.
            let readable = isTerminal ? Self.terminalReadSize : Int(linux_readable_bytes(descriptor))
            let length = min(count, max(1, readable))
            var buffer = ByteBufferAllocator().buffer(capacity: length)
            var error: Int32 = 0
            let received = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { memory in
                let received = Glibc.read(descriptor, memory.baseAddress, length)
                error = received < 0 ? errno : 0
                return max(0, received)
            }
            switch (received, error) {
            case (1..., _): return .success(.bytes(buffer))
            case (0, 0): return .success(.closed)
            case (_, EAGAIN): return .success(.wouldBlock)
            // No program has the terminal open, and all that was written was read.
            case (_, EIO) where isTerminal: return .success(.closed)
            default: return .failure(.systemCall("read", errno: error))
            }
        }
        return attempt ?? .success(.closed)
    }
}
