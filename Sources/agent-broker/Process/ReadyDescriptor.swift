import AgentBackend
import Glibc

/// A descriptor on which whoever started the process waits until it is ready.
struct ReadyDescriptor {
    private let descriptor: Int32

    /// Throws `INVALID_CONFIGURATION` where nothing is open there.
    init(_ descriptor: Int32) throws(BackendError) {
        // Nothing that is started here is to hold it open.
        guard descriptor > STDERR_FILENO, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw BackendError(
                .invalidConfiguration,
                message: "--ready-fd \(descriptor): open a descriptor above 2 for writing there"
            )
        }
        self.descriptor = descriptor
    }

    /// Once.
    func tell(_ line: ReadyLine) {
        line.write(asJSON: true, to: descriptor)
        close(descriptor)
    }
}
