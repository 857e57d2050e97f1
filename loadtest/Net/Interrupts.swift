internal import CLinux
internal import Glibc

/// Turns SIGINT and SIGTERM, while the value lives, into a readable descriptor, so that a run that owns child
/// processes ends them before it ends. Made on the main thread before any other thread is started.
struct Interrupts: ~Copyable {
    let descriptor: Int32
    private let earlierMask: sigset_t

    init() throws(LoadFailure) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        var earlier = sigset_t()
        pthread_sigmask(SIG_BLOCK, &signals, &earlier)
        let descriptor = signalfd(-1, &signals, Int32(SFD_CLOEXEC))
        guard descriptor >= 0 else { throw .system("signalfd") }
        self.descriptor = descriptor
        earlierMask = earlier
    }

    deinit {
        close(descriptor)
        var mask = earlierMask
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    /// Lets a little time pass, for a loop that looks again and again. Throws ``LoadFailure/interrupted``.
    func pause() throws(LoadFailure) {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&watched, 1, 5) > 0 { throw .interrupted }
    }
}
