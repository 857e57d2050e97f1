internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// The broker's end of the socket to a sandbox's agent, and the commands that run there. Safe to use from any thread.
///
/// Replies are read by the reactor's thread, which tells the commands of their ends.
final class AgentConnection: ReadinessTarget {
    private struct State: ~Copyable {
        var socket: OwnedDescriptor?
        var commands: [UInt64: RunningCommand] = [:]
        var lastID: UInt64 = 0
        var lastUse = ContinuousClock.now

        /// Nil: it is closed. Good for as long as the state is locked.
        var openSocket: Int32? {
            switch socket {
            case .some(let socket): socket.rawValue
            case .none: nil
            }
        }
    }

    /// Of the sandbox: that it can be used, or what its agent says why not.
    let ready = Completion<Result<Void, BackendError>>()

    private let reactor: ReadinessReactor
    private let key: UInt64
    private let state: Mutex<State>

    init(_ socket: consuming OwnedDescriptor, reactor: ReadinessReactor) throws(BackendError) {
        self.reactor = reactor
        key = reactor.makeKey()
        let rawValue = socket.rawValue
        state = Mutex(State(socket: socket))
        try reactor.add(self, key: key, descriptor: rawValue)
        reactor.arm(key: key, descriptor: rawValue, for: .readable)
    }

    deinit {
        close()
    }

    /// Sends a command to the agent. `make` gets its id. Nil: there is no agent any more, and nothing was started.
    func start(
        _ request: borrowing AgentRequest,
        descriptors: [Int32],
        make: (UInt64) -> RunningCommand
    ) throws(BackendError) -> RunningCommand? {
        let result = state.withLock { state -> Result<RunningCommand?, BackendError> in
            guard let socket = state.openSocket else { return .success(nil) }
            state.lastID += 1
            state.lastUse = .now
            let id = state.lastID
            let sent = request.send(id: id, to: socket, descriptors: descriptors)
            switch sent {
            case 0...:
                let command = make(id)
                state.commands[id] = command
                return .success(command)
            case -Int(EPIPE), -Int(ECONNRESET):
                return .success(nil)
            case -Int(EAGAIN):
                return .failure(.tooMany("starts_in_sandbox", allowed: state.commands.count))
            default:
                return .failure(.systemCall("sendmsg", errno: Int32(-sent)))
            }
        }
        return try result.get()
    }

    /// No command runs in the sandbox.
    var isUnused: Bool { state.withLock { $0.commands.isEmpty } }

    /// When a command was last started.
    var lastUse: ContinuousClock.Instant { state.withLock { $0.lastUse } }

    /// Takes no more commands, unless some run. Returns whether it does not.
    func retire() -> Bool {
        state.withLock { state in
            guard state.commands.isEmpty else { return false }
            if let socket = state.socket.take() { reactor.remove(key: key, descriptor: socket.rawValue) }
            return true
        }
    }

    /// To every process of a command; SIGKILL: to all of them at once, whatever they do. Of one that has ended: nothing.
    func sendSignal(_ signal: Int32, to id: UInt64) {
        state.withLock { state in
            guard state.commands[id] != nil, let socket = state.openSocket else { return }
            var request = sandbox_request()
            request.id = id
            request.operation = UInt32(sandbox_operation_signal.rawValue)
            request.signal = signal
            // Where the agent is gone, so is the command; and it takes in what comes faster than it can be sent.
            _ = sandbox_send(socket, &request, nil, 0, nil, 0)
        }
    }

    /// The agent ends, where it lives yet, and with it all of its sandbox. Idempotent.
    func close() {
        state.withLock { state in
            guard let socket = state.socket.take() else { return }
            reactor.remove(key: key, descriptor: socket.rawValue)
        }
    }

    /// The sandbox is gone: its commands are told. `cause`: what they get that were not ended before.
    func closed(_ outcome: CommandEnd.Outcome) {
        close()
        let commands = state.withLock { state in
            defer { state.commands = [:] }
            return Array(state.commands.values)
        }
        for command in commands { command.sandboxEnded(outcome) }
    }

    // MARK: ReadinessTarget

    func becameReady() {
        while let reply = receive() {
            switch sandbox_reply_kind(reply.kind) {
            case sandbox_reply_ready:
                ready.fulfil(.success(()))
            case sandbox_reply_unusable:
                ready.fulfil(.failure(.unusableSandbox(errno: reply.error)))
            default:
                state.withLock { $0.commands.removeValue(forKey: reply.id) }?.ended(reply)
            }
        }
    }

    /// Nil: there is no more now, and the reactor will tell; or the agent has closed its end, which is told of by its
    /// death.
    private func receive() -> sandbox_reply? {
        state.withLock { state in
            guard let socket = state.openSocket else { return nil }
            var reply = sandbox_reply()
            let received = sandbox_receive(socket, &reply)
            if received == MemoryLayout<sandbox_reply>.size { return reply }
            if received == -Int(EAGAIN) { reactor.arm(key: key, descriptor: socket, for: .readable) }
            return nil
        }
    }
}

extension BackendError {
    fileprivate static func unusableSandbox(errno code: Int32) -> BackendError {
        BackendError(
            .execError,
            systemErrno: code,
            message: "this host's kernel refuses the sandbox's system call filter or its descriptors "
                + "(errno \(code)): see its log"
        )
    }
}
