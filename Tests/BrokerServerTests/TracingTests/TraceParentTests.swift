import Testing

@testable import BrokerServer

@Suite struct TraceParentTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test(arguments: [
        ("00-\(trace)-\(span)-01", true),
        ("00-\(trace)-\(span)-00", false),
        // A later version, and flags that are not known yet.
        ("cc-\(trace)-\(span)-03-more", true),
    ])
    func whatIsOneIsTaken(_ text: String, _ isSampled: Bool) throws {
        let parent = try #require(TraceParent(text))
        #expect((parent.trace, parent.span, parent.isSampled) == (Self.trace, Self.span, isSampled))
        #expect(TraceParent(parent.text) == parent)
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-01-more",
        "ff-\(trace)-\(span)-01",
        "0g-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01", "00-\(trace.dropLast())-\(span)-01",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01", " 00-\(trace)-\(span)-01",
        "00-\(trace)-\(span)-01\n", "cc-\(trace)-\(span)-01-" + String(repeating: "x", count: 1 << 20),
    ])
    func whatIsNoneIsNot(_ text: String) {
        #expect(TraceParent(text) == nil)
    }
}
