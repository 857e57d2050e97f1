public import NIOCore

/// The first bytes of what a command writes to one stream, for its record. A value; used by one reader of the stream.
public struct OutputExcerpt: Sendable {
    /// Bytes that are kept where nothing else is said.
    public static let defaultLimit = 256

    private let limit: Int
    public private(set) var bytes: [UInt8] = []

    public init(limit: Int = Self.defaultLimit) {
        self.limit = max(0, limit)
    }

    public mutating func append(_ output: ByteBuffer) {
        let room = limit - bytes.count
        guard room > 0 else { return }
        bytes += output.readableBytesView.prefix(room)
    }
}
