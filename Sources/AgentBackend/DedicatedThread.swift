internal import CLinux
internal import Glibc

/// A thread of our own, outside of Swift's pools: for calls that block, and for what must not outlive a thread.
package enum DedicatedThread {
    /// Runs `body` on a new thread, which ends with it. `name`: at most 15 bytes, as pthread_setname_np(3) takes.
    /// Throws `RESOURCE_EXHAUSTED`.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(BackendError) {
        let box = Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                linux_name_thread(body.name)
                body.run()
                return nil
            },
            box.toOpaque()
        )
        guard error == 0 else {
            box.release()
            throw BackendError(
                .resourceExhausted,
                systemErrno: error,
                message: "the host is out of threads or memory (pthread_create, errno \(error)): try again later",
                isRetryable: true
            )
        }
        pthread_detach(thread)
    }

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
