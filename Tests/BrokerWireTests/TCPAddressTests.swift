import Testing

@testable import BrokerWire

@Suite struct TCPAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7420", "127.0.0.1", 7420), ("localhost:0", "localhost", 0), ("[::1]:65535", "::1", 65535),
    ])
    func reads(text: String, host: String, port: UInt16) {
        let address = TCPAddress(text)
        #expect(address == TCPAddress(host: host, port: port))
        #expect(address?.description == text)
    }

    @Test(arguments: [
        "", ":", ":7420", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:+1", "::1:7420",
        "[]:1", "[::1]", "a b:1", "[::1]x:1", "localhost:7420 ",
    ])
    func refuses(text: String) {
        #expect(TCPAddress(text) == nil)
    }
}
