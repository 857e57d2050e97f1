internal import AgentBackend
internal import CLinux
internal import Glibc

/// A thread of our own, outside of Swift's pools: for calls that block, and for what must not outlive a thread.
enum DedicatedThread {
    /// Runs `body` on a new thread, which ends with it.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(BackendError) {
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
            throw .systemCall("pthread_create", errno: error)
        }
        pthread_detach(thread)
    }

    private final class Body: Sendable {
        /// At most 15 bytes: pthread_setname_np(3).
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
