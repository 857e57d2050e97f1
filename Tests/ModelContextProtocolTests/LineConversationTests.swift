import AgentBackend
import NIOCore
import Synchronization
import Testing

@testable import ModelContextProtocol

@Suite struct LineConversationTests {
    /// Lines that were written, for one who waits for them.
    private final class Output: Sendable {
        let lines: AsyncStream<JSONValue>
        private let continuation: AsyncStream<JSONValue>.Continuation

        init() { (lines, continuation) = AsyncStream.makeStream() }

        func write(_ line: ByteBuffer) {
            continuation.yield((try? JSONParser.parse(line)) ?? .null)
        }
    }

    private func context() -> ToolContext {
        ToolContext(
            backend: MemoryBackend(),
            commands: HeldCommands(),
            owner: HeldCommands.Owner()
        )
    }

    /// What is answered to these pieces, in any order.
    private func answers(_ pieces: [String]) async throws -> [JSONValue] {
        let (input, more) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        for piece in pieces { more.yield(ByteBuffer(string: piece)) }
        more.finish()
        let lines = Mutex<[JSONValue]>([])
        try await LineConversation(ToolServer(version: "1"), context()).run(reading: input, patience: .seconds(600)) {
            line in
            let json = try JSONParser.parse(line)
            lines.withLock { $0.append(json) }
        }
        return lines.withLock { $0 }
    }

    @Test func bothErasInOneConversation() async throws {
        let meta =
            #"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
        let answers = try await answers([
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#
                + "\n{\"jsonrpc",
            #"":"2.0","method":"notifications/initialized"}"# + "\r\n\n",
            #"{"jsonrpc":"2.0","id":2,"method":"ping"}"# + "\n",
            #"{"jsonrpc":"2.0","id":3,"method":"server/discover","params":{"_meta":\#(meta)}}"# + "\n",
            #"{"jsonrpc":"2.0","id":4,"method":"server/discover"}"# + "\n",
            // The last line may lack its end.
            #"{"jsonrpc":"2.0","id":5,"method":"tools/list"}"#,
        ])
        let byID = Dictionary(answers.map { ($0["id"]?.wholeNumber ?? 0, $0) }) { first, _ in first }
        #expect(answers.count == 5)
        #expect(byID[1]?["result"]?["protocolVersion"] == "2025-06-18")
        #expect(byID[2]?["result"] == [:])
        #expect(byID[3]?["result"]?["supportedVersions"] == ["2026-07-28"])
        #expect(byID[4]?["error"]?["code"] == -32601)
        #expect(byID[5]?["result"]?["tools"]?.elements?.count == 23)
    }

    @Test func whatIsNoMessageIsAnsweredAndTheConversationGoesOn() async throws {
        let answers = try await answers([
            "{\n", "[]\n", #"{"jsonrpc":"2.0","id":7,"method":1}"# + "\n",
            #"{"jsonrpc":"2.0","id":8,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}}"#
                + "\n",
            #"{"jsonrpc":"2.0","id":9,"method":"ping"}"# + "\n",
        ])
        #expect(
            answers.compactMap { $0["error"]?["code"]?.wholeNumber }.sorted()
                == [-32700, -32602, -32600, -32600].sorted()
        )
        #expect(answers.contains { $0["id"] == 9 && $0["result"] == [:] })
        #expect(answers.contains { $0["id"] == 7 })
    }

    @Test func aLineWithoutEndEndsTheConversation() throws {
        var splitter = LineSplitter(maximum: 8)
        splitter.append(ByteBuffer(string: "12345678"))
        #expect(try splitter.next() == nil)
        splitter.append(ByteBuffer(string: "9"))
        #expect(throws: LineSplitter.TooLong.self) { try splitter.next() }
    }
}
