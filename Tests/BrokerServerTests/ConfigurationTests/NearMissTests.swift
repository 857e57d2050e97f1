import Testing

@testable import BrokerServer

@Suite struct NearMissTests {
    private let keys = BrokerConfiguration.Limits.fields.map(\.key) + ["listen", "node", "log"]

    @Test(arguments: [
        ("lisen", "listen"), ("lsiten", "listen"), ("Listen", "listen"), ("nodes", "node"),
        ("maxFrameBytes", "max_frame_bytes"), ("max-frame-bytes", "max_frame_bytes"),
        ("max_frame_byte", "max_frame_bytes"), ("hello_deadlne", "hello_deadline"),
    ])
    func findsWhatWasMeant(text: String, key: String) {
        #expect(NearMiss.best(for: text, among: keys) == key)
    }

    @Test(arguments: ["", "x", "port", "token", "databases", String(repeating: "listen", count: 1000)])
    func findsNothing(text: String) {
        #expect(NearMiss.best(for: text, among: keys) == nil)
    }
}
