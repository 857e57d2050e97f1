package import AgentBackend
package import Tracing

/// Writes each span that has ended as a JSON line, for a collector to read. Ids are those of W3C Trace Context; what the
/// caller's trace does not want is not written. Safe to use from any thread.
package struct SpanLog: Tracer {
    package typealias Span = LoggedSpan

    private let write: @Sendable (JSONLine) -> Void

    /// `write`: takes a line; must not wait.
    package init(write: @escaping @Sendable (JSONLine) -> Void) {
        self.write = write
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> LoggedSpan {
        var context = context()
        let parent = context.traceParent
        let identity = TraceParent(
            trace: parent?.trace ?? Self.randomID(words: 2),
            span: Self.randomID(words: 1),
            isSampled: parent?.isSampled ?? true
        )
        context.traceParent = identity
        return LoggedSpan(
            LoggedSpan.Beginning(
                identity: identity,
                parent: parent?.span,
                kind: kind,
                start: instant().nanosecondsSinceEpoch
            ),
            operationName,
            context,
            write
        )
    }

    /// Of random bits, not all of them zero.
    private static func randomID(words: Int) -> String {
        (0..<words).map { _ in
            let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Each span is written when it ends.
    package func forceFlush() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context.traceParent = extractor.extract(key: TraceParent.key, from: carrier).flatMap { TraceParent($0) }
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let parent = context.traceParent else { return }
        injector.inject(parent.text, forKey: TraceParent.key, into: &carrier)
    }
}

private enum TraceParentKey: ServiceContextKey {
    typealias Value = TraceParent
}

extension ServiceContext {
    fileprivate var traceParent: TraceParent? {
        get { self[TraceParentKey.self] }
        set { self[TraceParentKey.self] = newValue }
    }
}
