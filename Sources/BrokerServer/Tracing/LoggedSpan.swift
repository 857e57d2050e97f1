internal import AgentBackend
internal import Synchronization
package import Tracing

/// A span of ``SpanLog``. Safe to use from any thread.
package final class LoggedSpan: Span {
    struct Beginning {
        let identity: TraceParent
        /// The span that it is beneath; nil: it is the first of its trace.
        let parent: String?
        let kind: SpanKind
        /// Nanoseconds since 1970-01-01 UTC.
        let start: UInt64
    }

    private struct State {
        var name: String
        var attributes = SpanAttributes()
        var status: SpanStatus?
        var hasEnded = false
    }

    package let context: ServiceContext
    private let beginning: Beginning
    private let state: Mutex<State>
    private let write: @Sendable (JSONLine) -> Void

    init(
        _ beginning: Beginning,
        _ name: String,
        _ context: ServiceContext,
        _ write: @escaping @Sendable (JSONLine) -> Void
    ) {
        self.beginning = beginning
        self.context = context
        self.write = write
        state = Mutex(State(name: name))
    }

    package var isRecording: Bool { beginning.identity.isSampled && !state.withLock(\.hasEnded) }

    package var operationName: String {
        get { state.withLock(\.name) }
        set { state.withLock { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock(\.attributes) }
        set { state.withLock { $0.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) {
        state.withLock { $0.status = status }
    }

    /// Only the first one counts.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        state.withLock { $0.status = $0.status ?? SpanStatus(code: .error, message: "\(error)") }
    }

    /// A line has no room for what happened meanwhile, nor for other traces.
    package func addEvent(_ event: SpanEvent) {}
    package func addLink(_ link: SpanLink) {}

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard beginning.identity.isSampled else { return }
        let ended = state.withLock { state -> State? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        if let ended { write(line(ended, end: instant().nanosecondsSinceEpoch)) }
    }

    private func line(_ state: State, end: UInt64) -> JSONLine {
        var line = JSONLine()
        line.add("span", state.name)
        line.add("trace_id", beginning.identity.trace)
        line.add("span_id", beginning.identity.span)
        if let parent = beginning.parent { line.add("parent_span_id", parent) }
        line.add("kind", "\(beginning.kind)")
        line.add("start_ns", beginning.start)
        line.add("duration_ns", end - min(end, beginning.start))
        if let status = state.status {
            line.add("status", "\(status.code)")
            if let message = status.message, !message.isEmpty { line.add("message", message) }
        }
        var attributes: [(name: String, value: String)] = []
        state.attributes.forEach { name, value in attributes.append((name, Self.text(value))) }
        var members = JSONLine()
        for (name, value) in attributes.sorted(by: { $0.name < $1.name }) { members.add(named: name, value) }
        line.add("attributes", members)
        return line
    }

    private static func text(_ value: SpanAttribute) -> String {
        switch value {
        case .string(let text): text
        case .int64(let number): "\(number)"
        default: "\(value)"
        }
    }
}
