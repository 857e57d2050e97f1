internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore
internal import Synchronization

/// The broker's end of a command's standard input. Safe to use from any thread; one write at a time.
final class InputPipe: Sendable {
    private enum Attempt {
        case wrote(Int)
        case wouldBlock
        /// Nobody reads any more.
        case closed
        case failed(errno: Int32)
    }

    private let descriptor: MonitoredDescriptor
    private let isTerminal: Bool
    /// What was typed last is no whole line.
    private let isWithinLine = Atomic<Bool>(false)

    init(_ descriptor: MonitoredDescriptor, isTerminal: Bool = false) {
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// Waits until the pipe took all bytes. What the command does not want to read is dropped. Throws `CANCELLED`.
    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        var rest = bytes
        while rest.readableBytes > 0 {
            switch attempt(rest) {
            case .wrote(let count):
                rest.moveReaderIndex(forwardBy: count)
            case .wouldBlock:
                if case .cancelled = await descriptor.wait(until: .writable) { throw .waitCancelled }
            case .closed:
                descriptor.close()
                return
            case .failed(let code):
                throw .systemCall("write", errno: code)
            }
        }
        guard isTerminal else { return }
        if let last = bytes.readableBytesView.last { isWithinLine.store(!Self.isLineEnd(last), ordering: .relaxed) }
        // For the characters that end it, which cannot wait.
        while !hasRoom {
            if case .cancelled = await descriptor.wait(until: .writable) { throw .waitCancelled }
        }
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private var hasRoom: Bool {
        let events = descriptor.withDescriptor { descriptor in
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            return poll(&polled, 1, 0)
        }
        return events != 0
    }

    /// The command finds the end after what was written. Idempotent; a write that waits drops its rest.
    ///
    /// At a terminal that is the character for it, which programs that read every key get as one. Within a line the
    /// first one ends no more than that.
    func close() {
        if isTerminal {
            let end = Array(repeating: Self.endOfTransmission, count: isWithinLine.load(ordering: .relaxed) ? 2 : 1)
            _ = descriptor.withDescriptor { Glibc.write($0, end, end.count) }
        }
        descriptor.close()
    }

    /// Nobody reads any more.
    func treeEnded() {
        descriptor.close()
    }

    /// Ctrl-D.
    private static let endOfTransmission: UInt8 = 4

    private func attempt(_ bytes: ByteBuffer) -> Attempt {
        let written = descriptor.withDescriptor { descriptor in
            bytes.withUnsafeReadableBytes { linux_write_pipe(descriptor, $0.baseAddress, $0.count) }
        }
        guard let written else { return .closed }
        switch Int32(truncatingIfNeeded: -written) {
        case ...0: return .wrote(written)
        case EAGAIN: return .wouldBlock
        case EPIPE: return .closed
        // Of a terminal that no program has open.
        case EIO where isTerminal: return .closed
        case let code: return .failed(errno: code)
        }
    }
}
