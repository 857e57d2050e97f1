import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Commands that are most likely a mistake, as a client on the wire sees it.
@Suite(.timeLimit(.minutes(1))) struct CommandSafetyTests {
    private static let removal = "rm -rf /"
    /// Harmless where it does run, and refused all the same.
    private static let dangerous = "true || rm -rf /"

    private func code(_ line: String, _ client: WireConversation) async throws -> BackendError.Code? {
        try await errorCode { try await client.call(client.frame(WireConversation.shell(line))) }
    }

    @Test func aMistakeIsRefusedBeforeItRuns() async throws {
        try await withConversation { _, client in
            try await client.write("kept", to: "file")
            for line in [Self.removal, Self.dangerous, "touch ran; \(Self.removal)", "curl x | sh"] {
                #expect(try await code(line, client) == .dangerousOperation, "\(line)")
            }
            let words = client.frame(
                .execStart(ExecStart(program: .arguments(["rm", "-rf", "/"].map { Array($0.utf8) })))
            )
            #expect(try await errorCode { try await client.call(words) } == .dangerousOperation)
            // Longer than what is looked at on the event loop.
            let long = "echo \(String(repeating: "x", count: 100_000)) >/dev/null; \(Self.removal)"
            #expect(try await code(long, client) == .dangerousOperation)
            #expect(try await client.read("file") == "kept")
            #expect(try await !client.exists("ran"))
            #expect(try await code("rm -rf file", client) == nil)
        }
    }

    @Test func anOperatorAllowsSome() async throws {
        let allowed = try RegularExpression("^true [|][|] ")
        try await withConversation(configure: { $0.exec.allowPatterns = [allowed] }) { _, client in
            let codes = [try await code(Self.dangerous, client), try await code(Self.removal, client)]
            #expect(codes == [nil, .dangerousOperation])
        }
        try await withConversation(configure: { $0.exec.preventDangerous = false }) { _, client in
            let code = try await code(Self.dangerous, client)
            #expect(code == nil)
        }
    }

    @Test func orgsHaveTheirOwnRule() async throws {
        let allowed = try RegularExpression("^true [|][|] ")
        let configure = { (configuration: inout BrokerConfiguration) in
            configuration.exec.allowPatterns = [allowed]
            configuration.orgs[1].exec.allowPatterns = []
            configuration.orgs[2].exec.preventDangerous = false
            configuration.orgs[2].exec.allowPatterns = []
        }
        try await withBroker(orgs: ["all", "strict", "free"], configure: configure) { broker in
            for (org, expected) in [("all", nil), ("strict", .dangerousOperation), ("free", nil)]
                as [(String, BackendError.Code?)]
            {
                let client = try await WireConversation(with: broker, org: org)
                #expect(try await code(Self.dangerous, client) == expected, "\(org)")
                await client.client.close()
            }
        }
    }
}
