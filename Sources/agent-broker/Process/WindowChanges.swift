import Glibc
import NIOCore
import Synchronization

/// Tells of changes of the terminal's size: SIGWINCH. For the one time that a process needs it.
struct WindowChanges {
    private let pipe: Pipe
    private let told: Descriptor

    /// From now on.
    init() throws(Descriptor.Failure) {
        pipe = try Pipe()
        told = try Descriptor(pipe.readEnd)
        // Full, it tells of a change already.
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        windowChanges.store(pipe.writeEnd, ordering: .sequentiallyConsistent)
        var action = sigaction()
        action.sa_flags = Int32(SA_RESTART)
        action.__sigaction_handler.sa_handler = { _ in
            let savedErrno = errno
            var byte: UInt8 = 1
            _ = Glibc.write(windowChanges.load(ordering: .sequentiallyConsistent), &byte, 1)
            errno = savedErrno
        }
        sigaction(SIGWINCH, &action, nil)
    }

    /// Waits for one, or for many at once. Throws `CancellationError`.
    func next() async throws {
        guard try await told.read(upTo: 4096) != nil else { throw CancellationError() }
    }
}

/// Where the handler writes to. A handler can be given nothing else than what is global.
private let windowChanges = Atomic<Int32>(-1)
