import AgentBackend
import BrokerServer
import BrokerTestKit
import Instrumentation
import NIOCore
import Testing
import Tracing

@testable import BrokerClient

@Suite struct TracingTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// That of the process: there is one for all of it, and it is set once.
    private static let tracer: SpanLog = {
        let tracer = SpanLog { _ in }
        InstrumentationSystem.bootstrap(tracer)
        return tracer
    }()

    @Test func aCallSaysWhatItIsAPartOf() async throws {
        let tracer = Self.tracer
        try await withBroker { broker in
            let address = try BrokerAddress("127.0.0.1:\(broker.port)")
            try await BrokerConnection.withConnection(to: address, token: broker.token()) { connection in
                let show = ExecRequest(.shellLine(Array(#"printf %s "$TRACEPARENT""#.utf8)))
                let told = { (options: BrokerCallOptions) async throws -> String in
                    let result = try await connection.run(show, on: BrokerTarget(key: "k"), call: options)
                    return String(buffer: result.standardOutput)
                }
                #expect(try await told(BrokerCallOptions()) == "")
                #expect(try await told(BrokerCallOptions(traceparent: Self.parent)) == Self.parent)
                let span = tracer.startSpan("outer", context: .topLevel)
                let (ofTask, ofOption) = try await ServiceContext.withValue(span.context) {
                    (try await told(BrokerCallOptions()), try await told(BrokerCallOptions(traceparent: Self.parent)))
                }
                let expected = BrokerCallOptions.traceparent(of: span.context)
                #expect(expected.count == 55)
                #expect(ofTask == expected)
                #expect(ofOption == Self.parent)
            }
        }
    }
}
