import AgentBackend
import BrokerTestKit
import BrokerWire
import InMemoryTracing
import NIOCore
import Synchronization
import Testing
import Tracing

@testable import BrokerServer

@Suite struct CallTracingTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static let shown = #"printf %s "$TRACEPARENT""#

    @Test func aCommandKnowsItsCallersTraceWithoutATracer() async throws {
        try await withBroker { broker in
            let client = try await TracedClient(broker)
            #expect(try await client.output(of: Self.shown, traceparent: Self.parent) == Self.parent)
            #expect(try await client.output(of: Self.shown, traceparent: "strange") == "")
            #expect(try await client.output(of: Self.shown, traceparent: "") == "")
            var own = Environment()
            try own.set(Array("TRACEPARENT".utf8), to: Array("own".utf8))
            #expect(try await client.output(of: Self.shown, own, traceparent: Self.parent) == "own")
            await client.close()
        }
    }

    @Test func aCommandIsBeneathItsCallAndThatBeneathItsCaller() async throws {
        let lines = Mutex<[String]>([])
        let tracer = SpanLog { line in lines.withLock { $0.append(String(decoding: line.text, as: UTF8.self)) } }
        try await withBroker(tracer: tracer) { broker in
            let client = try await TracedClient(broker)
            let told = try #require(TraceParent(try await client.output(of: Self.shown, traceparent: Self.parent)))
            await client.close()
            let lines = lines.withLock { $0 }
            #expect(lines.count == 2)
            let (command, call) = (try #require(lines.first), try #require(lines.last))
            #expect(told.trace == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(command.hasPrefix(#"{"span":"command","trace_id":"\#(told.trace)","span_id":"\#(told.span)""#))
            #expect(call.contains(#""span":"exec""#) && call.contains(#""parent_span_id":"00f067aa0ba902b7""#))
            let id = try #require(call.split(separator: #""span_id":""#).last?.prefix(16))
            #expect(command.contains(#""parent_span_id":"\#(id)""#))
        }
    }

    @Test func callsThatWaitHaveSpans() async throws {
        let tracer = InMemoryTracer()
        try await withBroker(tracer: tracer) { broker in
            let client = try await TracedClient(broker)
            _ = try await client.output(of: "exit 3")
            _ = try await client.output(of: " ")
            // Answered on the spot.
            _ = try await client.frames(of: .stats(Stats()))
            let spans = tracer.popFinishedSpans()
            #expect(spans.map(\.operationName) == ["command", "exec", "command", "exec"])
            let (command, call) = (spans[0], spans[1])
            #expect(command.parentSpanID == call.spanID)
            #expect((command.kind, call.kind) == (.internal, .server))
            #expect(command.attributes.get("process.exit.code") == .int64(3))
            #expect(command.attributes.get("agent_broker.end") == .string("exited"))
            #expect(command.status?.code == .error)
            #expect(call.attributes.get("agent_broker.org") == .string("acme"))
            #expect(call.attributes.get("agent_broker.key") == .string("k"))
            #expect(call.status == nil)
            for failed in spans[2...] {
                #expect(failed.attributes.get("agent_broker.code") == .string("EMPTY_COMMAND"))
                #expect(failed.status?.code == .error)
            }
            await client.close()
        }
        #expect(tracer.activeSpans.isEmpty)
    }

    /// Its span is longer than that of the call that starts it.
    @Test func aCommandInTheBackgroundHasASpanToItsEnd() async throws {
        let tracer = InMemoryTracer()
        try await withBroker(tracer: tracer) { broker in
            let client = try await TracedClient(broker)
            let start = ExecStart(
                program: .shellLine(Array("until [ -e go ]; do sleep 0.01; done".utf8)),
                isDetached: true
            )
            guard case .reply(.execStarted(let started))? = try await client.frames(of: .execStart(start)).last?.body
            else {
                Issue.record("it was not started")
                return
            }
            #expect(tracer.activeSpans.map(\.operationName) == ["command"])
            #expect(tracer.popFinishedSpans().map(\.operationName) == ["exec"])
            _ = try await client.frames(of: .write(Write(path: Array("go".utf8))))
            _ = try await client.frames(of: .execWait(ExecWait(exec: started.exec)))
            let command = try #require(tracer.finishedSpans.first { $0.operationName == "command" })
            #expect(command.attributes.get("process.exit.code") == .int64(0))
            await client.close()
        }
        #expect(tracer.activeSpans.isEmpty)
    }
}

/// One call after the other, each with what it is a part of.
private final class TracedClient {
    private let client: RawWireClient
    private var lastID: UInt64 = 0

    init(_ broker: InProcessBroker) async throws {
        client = try await .connect(to: .tcp(port: broker.port))
        try await client.send(ClientFrame(id: 0, body: .hello(Hello(token: broker.token(), clientName: ""))))
        _ = try await client.next(of: 0)
    }

    func close() async { await client.close() }

    func frames(of operation: BrokerWire.Operation, traceparent: String = "") async throws -> [ServerFrame] {
        lastID += 1
        let options = CallOptions(CallOptions.Special(traceparent: traceparent))
        try await client.send(
            ClientFrame(id: lastID, target: Target(key: "k"), options: options, body: .call(operation))
        )
        return try await client.frames(of: lastID)
    }

    func output(of line: String, _ environment: Environment = Environment(), traceparent: String = "") async throws
        -> String
    {
        let start = ExecStart(program: .shellLine(Array(line.utf8)), environment: environment)
        let frames = try await frames(of: .execStart(start), traceparent: traceparent)
        return frames.reduce("") { $0 + String(buffer: $1.payload) }
    }
}
