import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@Suite struct SmokeTests {
    @Test func echoes() async throws {
        try await withBroker { broker in
            let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
            try await client.send(ClientFrame(id: 0, body: .hello(Hello(token: broker.token(), clientName: "t"))))
            print(try await client.next(of: 0) as Any, broker.isolation)
            try await client.send(ClientFrame(id: 1, target: Target(key: "k"), body: .call(.echo), payload: ByteBuffer(string: "hi")))
            print(try await client.next(of: 1) as Any)
            await client.close()
        }
    }
}
