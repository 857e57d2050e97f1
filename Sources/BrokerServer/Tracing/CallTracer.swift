internal import AgentBackend
internal import BrokerWire
internal import Tracing

/// Makes a span of each call that waits, beneath the span that its caller names. Safe to use from any thread.
struct CallTracer: Sendable {
    let tracer: any Tracer

    /// Runs a call in a span of its own.
    func trace<Value: Sendable>(
        _ call: Call,
        of org: Org,
        _ body: () async throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        var parent = ServiceContext.topLevel
        if let given = call.traceParent {
            tracer.extract([TraceParent.key: given.text], into: &parent, using: TraceParent.Carrier())
        }
        let span: any Span = tracer.startSpan(call.operation.name, context: parent, ofKind: .server)
        span.attributes["agent_broker.org"] = org.name
        if let key = call.target?.key, !key.isEmpty { span.attributes["agent_broker.key"] = key }
        defer { span.end() }
        let result = await ServiceContext.withValue(span.context) { () async -> Result<Value, BackendError> in
            do throws(BackendError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        if case .failure(let error) = result { span.fail(error) }
        return try result.get()
    }
}

extension Call {
    /// As its caller says; nil: nothing, or what is none.
    var traceParent: TraceParent? { (options.special?.traceparent).flatMap { TraceParent($0) } }
}

extension Span {
    func fail(_ error: BackendError) {
        attributes["agent_broker.code"] = "\(error.code)"
        setStatus(SpanStatus(code: .error, message: error.message))
    }
}
