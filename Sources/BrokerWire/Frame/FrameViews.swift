internal import CBrokerProtos
internal import CProtobufC

/// Descriptors of a kind of frame that each know the body of one operation; see `views.h`.
///
/// `@unchecked Sendable`: needs no guard, as nothing is written once they are made.
struct FrameViews: @unchecked Sendable {
    static let client = FrameViews(of: agentbroker__v1__client_frame__init) { $0.base.descriptor }
    static let server = FrameViews(of: agentbroker__v1__server_frame__init) { $0.base.descriptor }

    private let views: UnsafePointer<wire_views>

    /// The generated descriptor is taken from a message: Swift has the constant itself only as a copy.
    private init<Frame>(
        of initialize: (UnsafeMutablePointer<Frame>?) -> Void,
        descriptor: (Frame) -> UnsafePointer<ProtobufCMessageDescriptor>?
    ) {
        let frame = UnsafeMutablePointer<Frame>.allocate(capacity: 1)
        defer { frame.deallocate() }
        initialize(frame)
        guard let whole = descriptor(frame.pointee), let views = wire_views_create(whole) else {
            preconditionFailure("out of memory")
        }
        self.views = views
    }

    /// Nil: the message is malformed, or does not fit into what the allocator may give.
    func unpack<Frame>(_ head: MessageCodec.Head, as frame: Frame.Type) -> UnsafeMutablePointer<Frame>? {
        guard let start = head.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        let view = wire_views_of(views, head.body)
        return UnsafeMutableRawPointer(protobuf_c_message_unpack(view, head.allocator, head.bytes.count, start))?
            .assumingMemoryBound(to: frame)
    }

    /// Makes protobuf-c pack the message as one that has no other body than the field with this number.
    func narrow(_ message: inout ProtobufCMessage, toBody number: UInt32) {
        message.descriptor = wire_views_of(views, UInt64(number))
    }
}
