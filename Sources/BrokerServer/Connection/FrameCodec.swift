internal import BrokerWire

/// Unpacks and packs the frames of all connections of an event loop: the memory for it is needed only meanwhile, and
/// would be the most of what an idle connection takes.
///
/// `@unchecked Sendable`: used on that event loop alone.
final class FrameCodec: @unchecked Sendable {
    let decoder: ClientFrameDecoder
    let encoder = ServerFrameEncoder()

    /// `maximumHeadLength`: bytes of a message without its payload.
    init(maximumHeadLength: Int) {
        decoder = ClientFrameDecoder(maximumHeadLength: maximumHeadLength)
    }

    convenience init(_ settings: ConnectionSettings) {
        self.init(maximumHeadLength: Int(settings.limits.maximumHeadLength))
    }
}
