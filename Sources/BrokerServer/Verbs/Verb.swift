internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// One operation of the wire as the broker carries it out. One file per verb; ``Operation/verb`` lists them.
protocol Verb: Sendable {
    /// As on the wire, in logs and in errors.
    static var name: String { get }
    /// Changes something: it is refused to read-only tokens, and logged in mode standard.
    static var isModifying: Bool { get }
    /// What it works on, for the log: a path, a command line.
    var subject: [UInt8] { get }
}

extension Verb {
    var subject: [UInt8] { [] }
}

/// A verb that works on the entry of its target.
protocol EntryVerb: Verb {
    /// What it attempts on the spot asks the kernel for files: local ones are attempted a batch at a time.
    static var attemptsFiles: Bool { get }

    /// Answers without waiting, or says that it would.
    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer>

    /// Carries it out.
    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer
}

/// A verb that works on the pool or the session.
protocol SessionVerb: Verb {
    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer>

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer
}

/// A verb of the session that sends as long as its caller listens, or waits for long.
protocol StreamVerb: Verb {
    func perform(
        _ call: Call,
        in session: Session,
        of broker: BrokerCore,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer
}

extension NonBlocking {
    /// Prepares what an attempt needs, which may be refused.
    static func preparing<Prepared>(
        _ prepare: @autoclosure () throws(BackendError) -> Prepared,
        _ attempt: (Prepared) -> NonBlocking
    ) -> NonBlocking {
        do throws(BackendError) {
            return attempt(try prepare())
        } catch {
            return .failed(error)
        }
    }

    func map<Other: Sendable>(_ transform: (Value) -> Other) -> NonBlocking<Other> {
        switch self {
        case .done(let value): .done(transform(value))
        case .failed(let error): .failed(error)
        case .wouldBlock: .wouldBlock
        }
    }
}
