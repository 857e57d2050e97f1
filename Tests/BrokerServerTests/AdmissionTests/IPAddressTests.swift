import NIOCore
import Testing

@testable import BrokerServer

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1"),
    ])
    func isReadAndWritten(text: String, written: String) {
        #expect(IPAddress(text)?.description == written)
    }

    @Test func aUnixSocketHasNone() throws {
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/s")) == nil)
    }

    /// One subscriber has 2^64 addresses of IPv6, and no more than one of IPv4 at a time.
    @Test func whatOneSubscriberHasIsOne() throws {
        let one = try #require(IPAddress("2001:db8:1:2:3::1"))
        #expect(one.subscriber == IPAddress("2001:db8:1:2:4::2")?.subscriber)
        #expect(one.subscriber != IPAddress("2001:db8:1:3:3::1")?.subscriber)
        #expect(IPAddress("192.0.2.7")?.subscriber != IPAddress("192.0.2.8")?.subscriber)
    }

    @Test(arguments: [
        ("127.0.0.0/8", "127.3.2.1", true), ("127.0.0.0/8", "128.0.0.1", false),
        ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
        ("::1", "::1", true), ("::1", "::2", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", true),
        ("2001:db8:0:0:8000::/65", "2001:db8::1", false), ("0.0.0.0/0", "10.1.2.3", true),
        ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "10.1.2.3", true),
    ])
    func rangesHoldWhatBeginsAsTheyDo(range: String, address: String, isIn: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(try #require(IPAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "localhost", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "/8", "::1/-1",
    ])
    func whatIsNoRangeIsNone(text: String) {
        #expect(AddressRange(text) == nil)
    }
}
