import AgentBackend
import Testing

@testable import BrokerClient

@Suite struct BrokerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7777", BrokerAddress.tcp(host: "127.0.0.1", port: 7777)),
        ("broker.example:1", .tcp(host: "broker.example", port: 1)),
        ("[::1]:7777", .tcp(host: "::1", port: 7777)),
        ("unix:/run/broker.sock", .unix(path: "/run/broker.sock")),
        ("unix:broker.sock", .unix(path: "broker.sock")),
    ])
    func isRead(text: String, address: BrokerAddress) throws {
        #expect(try BrokerAddress(text) == address)
        #expect("\(address)" == text)
    }

    @Test(arguments: [
        "", "host", "host:", ":7777", "host:0", "host:65536", "host:+1", "host:７", "::1:7777", "[::1]", "[]:1", "a b:1",
        "unix:", "unix:/" + String(repeating: "x", count: 107),
    ])
    func isRefused(text: String) {
        #expect(throws: BackendError.self) { try BrokerAddress(text) }
    }
}
