import AgentBackend
import Synchronization
import Testing
import Tracing

@testable import BrokerServer

@Suite struct SpanLogTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func add(_ line: JSONLine) { lines.withLock { $0.append(String(decoding: line.text, as: UTF8.self)) } }
    }

    private struct Fields: Extractor {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    @Test func aSpanIsALine() throws {
        let lines = Lines()
        let tracer = SpanLog { lines.add($0) }
        var context = ServiceContext.topLevel
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        tracer.extract(["traceparent": parent], into: &context, using: Fields())
        let span = tracer.startSpan("read", context: context, ofKind: .server)
        span.attributes["org"] = "acme"
        span.attributes["bytes"] = 3
        span.setStatus(SpanStatus(code: .error, message: "no \"such\" file"))
        #expect(span.isRecording)
        #expect(lines.all.isEmpty)
        span.end()
        span.end()
        #expect(!span.isRecording)
        let line = try #require(lines.all.first)
        #expect(lines.all.count == 1)
        #expect(
            line.hasPrefix(#"{"span":"read","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":""#)
                && line.contains(#"","parent_span_id":"00f067aa0ba902b7","kind":"server","start_ns":"#)
                && line.hasSuffix(
                    #","status":"error","message":"no \"such\" file","attributes":{"bytes":"3","org":"acme"}}"#
                )
        )
    }

    @Test func spansBeneathOneAnotherAreOfOneTrace() throws {
        let lines = Lines()
        let tracer = SpanLog { lines.add($0) }
        let outer = tracer.startSpan("outer", context: .topLevel)
        let inner = tracer.startSpan("inner", context: outer.context)
        inner.end()
        outer.end()
        var fields: [String: String] = [:]
        tracer.inject(outer.context, into: &fields, using: TraceParent.Carrier())
        let parent = try #require(fields["traceparent"].flatMap { TraceParent($0) })
        #expect(parent.isSampled)
        #expect(lines.all.allSatisfy { $0.contains(#""trace_id":"\#(parent.trace)""#) })
        #expect(lines.all[0].contains(#""parent_span_id":"\#(parent.span)""#))
        #expect(!lines.all[1].contains("parent_span_id"))
    }

    @Test func whatTheTraceDoesNotWantIsNotWritten() {
        let lines = Lines()
        let tracer = SpanLog { lines.add($0) }
        var context = ServiceContext.topLevel
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        tracer.extract(["traceparent": parent], into: &context, using: Fields())
        let span = tracer.startSpan("read", context: context)
        #expect(!span.isRecording)
        span.end()
        #expect(lines.all.isEmpty)
    }
}
