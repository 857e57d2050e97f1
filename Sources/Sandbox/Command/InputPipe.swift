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

    init(_ descriptor: MonitoredDescriptor) {
        self.descriptor = descriptor
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
                close()
                return
            case .failed(let code):
                throw .systemCall("write", errno: code)
            }
        }
    }

    /// The command finds the end after what was written. Idempotent; a write that waits drops its rest.
    func close() {
        descriptor.close()
    }

    private func attempt(_ bytes: ByteBuffer) -> Attempt {
        let written = descriptor.withDescriptor { descriptor in
            bytes.withUnsafeReadableBytes { linux_write_pipe(descriptor, $0.baseAddress, $0.count) }
        }
        guard let written else { return .closed }
        switch Int32(truncatingIfNeeded: -written) {
        case ...0: return .wrote(written)
        case EAGAIN: return .wouldBlock
        case EPIPE: return .closed
        case let code: return .failed(errno: code)
        }
    }
}
