internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// The broker's end of the socket to a sandbox's agent, and the commands that run there. Safe to use from any thread.
///
/// Replies are read by the reactor's thread, which tells the commands of their ends.
final class AgentConnection: ReadinessTarget {
    private enum Entry {
        case running(RunningCommand)
        /// Its terminal has not come.
        case awaitingTerminal(PendingCommand)
    }

    private struct State: ~Copyable {
        var socket: OwnedDescriptor?
        var commands: [UInt64: Entry] = [:]
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

    /// What limits the sandbox. Nil where the host has no such thing.
    let group: ControlGroup?
    private let reactor: ReadinessReactor
    private let key: UInt64
    private let state: Mutex<State>

    init(
        _ socket: consuming OwnedDescriptor,
        group: ControlGroup?,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        self.group = group
        self.reactor = reactor
        key = reactor.makeKey()
        let rawValue = socket.rawValue
        state = Mutex(State(socket: socket))
        try reactor.add(self, key: key, descriptor: rawValue, for: .readable)
    }

    deinit {
        close()
    }

    /// Sends a command to the agent. `make` gets its id. Nil: there is no agent any more, and nothing was started.
    func start(
        _ request: borrowing AgentRequest,
        descriptors: [Int32],
        _ control: CommandControl,
        make: (UInt64) -> RunningCommand
    ) throws(BackendError) -> RunningCommand? {
        var running: RunningCommand?
        try send(request, descriptors: descriptors, control) { id in
            let command = make(id)
            running = command
            return .running(command)
        }
        return running
    }

    /// The same with a terminal. Waits until that has come, also through a cancellation. Throws why it cannot.
    func start(
        _ request: borrowing AgentRequest,
        of prepared: PreparedCommand,
        _ control: CommandControl,
        make: @escaping @Sendable (UInt64, consuming OwnedDescriptor) throws(BackendError) -> RunningCommand
    ) async throws(BackendError) -> RunningCommand? {
        let pending = PendingCommand(prepared: prepared, make: make)
        guard try send(request, descriptors: [], control, { _ in .awaitingTerminal(pending) }) else { return nil }
        return try await pending.command.waitToTheEnd().get()
    }

    /// False: there is no agent any more.
    @discardableResult
    private func send(
        _ request: borrowing AgentRequest,
        descriptors: [Int32],
        _ control: CommandControl,
        _ entry: (UInt64) -> Entry
    ) throws(BackendError) -> Bool {
        let result = state.withLock { state -> Result<Bool, BackendError> in
            guard let socket = state.openSocket else { return .success(false) }
            state.lastID += 1
            state.lastUse = .now
            let id = state.lastID
            let sent = request.send(id: id, to: socket, descriptors: descriptors, control)
            switch sent {
            case 0...:
                state.commands[id] = entry(id)
                return .success(true)
            case -Int(EPIPE), -Int(ECONNRESET):
                return .success(false)
            case -Int(EAGAIN):
                return .failure(.tooMany("starts_in_sandbox", allowed: state.commands.count))
            default:
                return .failure(.systemCall("sendmsg", errno: Int32(-sent)))
            }
        }
        return try result.get()
    }

    /// Gives a sandbox that was made without a workspace the one it is to have. False: there is no agent any more. That the
    /// agent cannot put it in its place ends the sandbox.
    func attach(_ workspace: borrowing OwnedDescriptor) -> Bool {
        let mount = workspace.rawValue
        return state.withLock { state in
            guard let socket = state.openSocket else { return false }
            state.lastUse = .now
            var request = sandbox_request()
            request.operation = UInt32(sandbox_operation_attach.rawValue)
            return sandbox_send(socket, &request, nil, 0, [mount], 1) > 0
        }
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

    /// The sandbox is gone: its commands are told. `outcome`: what they get that were not ended before.
    func closed(_ outcome: CommandEnd.Outcome) {
        close()
        let commands = state.withLock { state in
            defer { state.commands = [:] }
            return Array(state.commands.values)
        }
        for command in commands {
            switch command {
            case .running(let command): command.sandboxEnded(outcome)
            case .awaitingTerminal(let command): command.command.fulfil(.failure(.sandboxGone))
            }
        }
    }

    // MARK: ReadinessTarget

    func becameReady() {
        while let message = receive() { take(message) }
    }

    private func take(_ message: AgentMessage) {
        switch sandbox_reply_kind(message.reply.kind) {
        case sandbox_reply_ready:
            ready.fulfil(.success(()))
        case sandbox_reply_unusable:
            ready.fulfil(.failure(.unusableSandbox(errno: message.reply.error)))
        case sandbox_reply_terminal:
            takeTerminal(message)
        default:
            switch state.withLock({ $0.commands.removeValue(forKey: message.reply.id) }) {
            case .running(let command): command.ended(message.reply)
            case .awaitingTerminal(let command): command.failed(message.reply)
            case nil: return
            }
        }
    }

    private func takeTerminal(_ message: AgentMessage) {
        let id = message.reply.id
        guard let descriptor = message.takeDescriptor(),
            case .awaitingTerminal(let pending) = state.withLock({ $0.commands[id] })
        else { return }
        do throws(BackendError) {
            let running = try pending.make(id, descriptor)
            state.withLock { $0.commands[id] = .running(running) }
            pending.command.fulfil(.success(running))
        } catch {
            sendSignal(SIGKILL, to: id)
            pending.command.fulfil(.failure(error))
        }
    }

    /// Nil: there is no more now, and the reactor will tell; or the agent has closed its end, which is told of by its
    /// death.
    private func receive() -> AgentMessage? {
        state.withLock { state in
            guard let socket = state.openSocket else { return nil }
            var reply = sandbox_reply()
            var descriptor: Int32 = -1
            let received = sandbox_receive(socket, &reply, &descriptor)
            if received == MemoryLayout<sandbox_reply>.size { return AgentMessage(reply, descriptor: descriptor) }
            if received == -Int(EAGAIN) { reactor.arm(key: key, descriptor: socket, for: .readable) }
            return nil
        }
    }
}

/// A command that will run once its terminal has come.
private struct PendingCommand: Sendable {
    let prepared: PreparedCommand
    let make: @Sendable (UInt64, consuming OwnedDescriptor) throws(BackendError) -> RunningCommand
    let command = Completion<Result<RunningCommand, BackendError>>()

    func failed(_ reply: sandbox_reply) {
        command.fulfil(.failure(SpawnFailure(reply).error(running: prepared)))
    }
}

/// A reply with what came along.
private final class AgentMessage {
    let reply: sandbox_reply
    private var descriptor: OwnedDescriptor?

    init(_ reply: sandbox_reply, descriptor: Int32) {
        self.reply = reply
        self.descriptor = descriptor < 0 ? nil : OwnedDescriptor(descriptor)
    }

    func takeDescriptor() -> OwnedDescriptor? { descriptor.take() }
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

    fileprivate static let sandboxGone = BackendError(
        .execError,
        message: "the sandbox ended while the command was started: try again",
        isRetryable: true
    )
}
