/// What a generator needs of a `ServerFrame`. Ranges are of the span that it was read from.
struct ServerFrame {
    private(set) var id: UInt64 = 0
    private(set) var isLast = false
    private(set) var body = Body.none
    private(set) var payload = 0..<0

    enum Body: Equatable {
        case none
        case helloReply(Range<Int>)
        case ping(Range<Int>)
        case pong
        case window(Range<Int>)
        case goAway(Range<Int>)
        case error(Range<Int>)
        /// The answer of an operation: its field number, and where its message lies.
        case reply(UInt64, Range<Int>)
    }

    init(_ message: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var fields = ProtobufFields(message)
        while let field = try fields.next(in: bytes) {
            switch field.number {
            case 1: id = field.value
            case 3: isLast = field.value != 0
            case 16: body = .helloReply(field.range)
            case 17: body = .ping(field.range)
            case 18: body = .pong
            case 20: body = .window(field.range)
            case 21: body = .goAway(field.range)
            case 23: body = .error(field.range)
            case 2047: payload = field.range
            default: body = .reply(field.number, field.range)
            }
        }
    }
}

/// The part of `HelloReply.limits` that a generator must keep to. All in bytes.
struct SessionLimits: Equatable {
    var maximumFrame = 0
    var streamWindow = 0
    var connectionWindow = 0

    /// Of a connection that is not there.
    static let none = SessionLimits()

    private init() {}

    /// Throws for a reply that lacks one of them.
    init(helloReply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var reply = ProtobufFields(helloReply)
        while let field = try reply.next(in: bytes) {
            guard field.number == 6 else { continue }
            var limits = ProtobufFields(field.range)
            while let limit = try limits.next(in: bytes) {
                switch limit.number {
                case 1: maximumFrame = Int(clamping: limit.value)
                case 3: streamWindow = Int(clamping: limit.value)
                case 4: connectionWindow = Int(clamping: limit.value)
                default: continue
                }
            }
        }
        guard maximumFrame > 0, streamWindow > 0, connectionWindow > 0 else {
            throw .connection("the hello reply names no limits")
        }
    }
}

/// A call that failed, or the connection, as the server tells it.
struct ServerError: Equatable {
    var code: UInt32 = 0
    var message = ""

    init(_ error: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var fields = ProtobufFields(error)
        while let field = try fields.next(in: bytes) {
            switch field.number {
            case 1: code = UInt32(clamping: field.value)
            case 4: message = String(decoding: field.range.map { bytes[$0] }, as: UTF8.self)
            default: continue
            }
        }
    }

    /// Of a `GoAway`. One without an error is a planned shutdown, whose code is 0.
    init(goAway: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var error = 0..<0
        var fields = ProtobufFields(goAway)
        while let field = try fields.next(in: bytes) {
            if field.number == 1 { error = field.range }
        }
        try self.init(error, in: bytes)
    }
}

extension ProtobufFields {
    /// The number in one field of a message that has little else; 0 where it is absent.
    static func value(of number: UInt64, in message: Range<Int>, of bytes: Span<UInt8>) throws(LoadFailure) -> UInt64 {
        var value: UInt64 = 0
        var fields = ProtobufFields(message)
        while let field = try fields.next(in: bytes) {
            if field.number == number { value = field.value }
        }
        return value
    }
}
