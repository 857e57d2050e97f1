internal import AgentBackend
internal import BrokerWire
internal import Tracing

/// The span of one command, beneath that of its call, and what the command itself is told of it. Without a tracer the
/// command is told what the caller said. ``finish()`` has to follow.
struct CommandTrace: Sendable {
    private let span: (any Span)?
    /// For the command; nil: nobody follows it.
    private let parent: TraceParent?

    /// To be made within the span of the call.
    init(_ call: Call, _ tracer: CallTracer?) {
        guard let tracer = tracer?.tracer else {
            span = nil
            parent = call.traceParent
            return
        }
        let span: any Span = tracer.startSpan("command", context: .current ?? .topLevel)
        var carrier: [String: String] = [:]
        tracer.inject(span.context, into: &carrier, using: TraceParent.Carrier())
        self.span = span
        parent = carrier[TraceParent.key].flatMap { TraceParent($0) } ?? call.traceParent
    }

    /// The variables of a command, with where its own spans belong. What its caller says of that goes before.
    func environment(_ given: Environment) throws(BackendError) -> Environment {
        guard let parent else { return given }
        var environment = Environment()
        try environment.set(Self.variable, to: Array(parent.text.utf8))
        return environment.merging(given)
    }

    private static let variable = Array("TRACEPARENT".utf8)

    func ended(_ end: ExecEnd) {
        guard let span else { return }
        span.attributes["agent_broker.end"] = end.outcome.name
        if let code = end.outcome.exitCode { span.attributes["process.exit.code"] = Int64(code) }
        if end.outcome != .exited(code: 0) { span.setStatus(SpanStatus(code: .error)) }
    }

    /// It did not come to its end by itself, or was never started.
    func failed(_ error: BackendError) {
        span?.fail(error)
    }

    func finish() {
        span?.end()
    }
}

extension ExecStart {
    /// The same command, which knows where it belongs.
    func traced(by trace: CommandTrace) throws(BackendError) -> ExecStart {
        var start = self
        start.environment = try trace.environment(environment)
        return start
    }
}
