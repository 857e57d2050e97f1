internal import DequeModule
internal import ModelContextProtocol
internal import NIOCore

/// The overviews of the last minutes, as text and without their lists: for a page that comes anew. A value.
struct OverviewHistory: Sendable {
    /// One a second: five minutes.
    static let maximumSamples = 300
    /// Of many orgs there are fewer.
    static let maximumBytes = 2 << 20

    private var samples: Deque<ByteBuffer> = []
    private var bytes = 0

    mutating func add(_ overview: JSONValue) {
        let sample = overview.bytes
        samples.append(sample)
        bytes += sample.readableBytes
        while samples.count > Self.maximumSamples || bytes > Self.maximumBytes, let oldest = samples.popFirst() {
            bytes -= oldest.readableBytes
        }
    }

    /// Nil: there is none.
    var event: ByteBuffer? {
        guard !samples.isEmpty else { return nil }
        var event = ByteBuffer(string: "event: history\ndata: {\"samples\":[")
        for (index, sample) in samples.enumerated() {
            if index > 0 { event.writeStaticString(",") }
            event.writeImmutableBuffer(sample)
        }
        event.writeStaticString("]}\n\n")
        return event
    }
}
