internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

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
    }

    /// The command finds the end after what was written. Idempotent; a write that waits drops its rest.
    ///
    /// At a terminal that is the character for it, which programs that read every key get as one.
    func close() {
        if isTerminal { _ = descriptor.withDescriptor { Glibc.write($0, [Self.endOfTransmission], 1) } }
        descriptor.close()
    }

    /// Nobody reads any more.
    func treeEnded() {
        descriptor.close()
    }

    /// Changes what programs see as the size of their terminal.
    func resizeTerminal(to size: TerminalSize) {
        _ = descriptor.withDescriptor { sandbox_resize_terminal($0, size.rows, size.columns) }
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
