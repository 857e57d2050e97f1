import BrokerClient
import BrokerServer
import BrokerTestKit

/// A broker in this process with the orgs "acme" and "umbrella", and a connection of each.
func withOrgs(
    configure: @Sendable (inout BrokerConfiguration) -> Void = { _ in },
    _ body: (_ acme: BrokerConnection, _ umbrella: BrokerConnection) async throws -> Void
) async throws {
    try await withBroker(orgs: ["acme", "umbrella"]) {
        configure(&$0)
    } _: { broker in
        let address = try BrokerAddress("127.0.0.1:\(broker.port)")
        try await BrokerConnection.withConnection(to: address, token: broker.token(of: "acme")) { acme in
            try await BrokerConnection.withConnection(to: address, token: broker.token(of: "umbrella")) {
                try await body(acme, $0)
            }
        }
    }
}
