@testable import loadtest

/// Frames as a server sends them.
enum ServerBytes {
    static func answer(
        _ id: UInt64,
        payload: [UInt8],
        isLast: Bool = true,
        body: UInt64 = 32
    ) -> [UInt8] {
        frame { frame in
            frame.writeVarint(id, field: 1)
            if isLast { frame.writeVarint(1, field: 3) }
            frame.writeMessage(field: body) { _ in }
            frame.writeBytes(payload, field: 2047)
        }
    }

    /// `code` nil: it was ended by its deadline.
    static func execEnd(_ id: UInt64, code: UInt64?) -> [UInt8] {
        frame { frame in
            frame.writeVarint(id, field: 1)
            frame.writeVarint(1, field: 3)
            frame.writeMessage(field: 98) { end in
                end.writeMessage(field: code == nil ? 2 : 1) { exited in
                    if let code, code != 0 { exited.writeVarint(code, field: 1) }
                }
            }
        }
    }

    static func execOutput(_ id: UInt64, _ output: String, stream: UInt64 = 1) -> [UInt8] {
        frame { frame in
            frame.writeVarint(id, field: 1)
            frame.writeMessage(field: 97) { $0.writeVarint(stream, field: 1) }
            frame.writeBytes(output.utf8, field: 2047)
        }
    }

    static func error(_ id: UInt64, code: UInt64, message: String) -> [UInt8] {
        frame { frame in
            frame.writeVarint(id, field: 1)
            frame.writeVarint(1, field: 3)
            frame.writeMessage(field: 23) { error in
                error.writeVarint(code, field: 1)
                error.writeBytes(message.utf8, field: 4)
            }
        }
    }

    static func window(stream: UInt64 = 0, bytes: UInt64) -> [UInt8] {
        frame { frame in
            frame.writeMessage(field: 20) { window in
                if stream != 0 { window.writeVarint(stream, field: 1) }
                window.writeVarint(bytes, field: 2)
            }
        }
    }

    static func ping(nonce: UInt64) -> [UInt8] {
        frame { frame in frame.writeMessage(field: 17) { $0.writeFixed64(nonce, field: 1) } }
    }

    static func goAway(code: UInt64, message: String) -> [UInt8] {
        frame { frame in
            frame.writeMessage(field: 21) { goAway in
                goAway.writeMessage(field: 1) { error in
                    error.writeVarint(code, field: 1)
                    error.writeBytes(message.utf8, field: 4)
                }
            }
        }
    }

    /// An answer that carries what is told of a file.
    static func fileAnswer(_ id: UInt64, body: UInt64, size: Int, payload: [UInt8] = []) -> [UInt8] {
        frame { frame in
            frame.writeVarint(id, field: 1)
            frame.writeVarint(1, field: 3)
            frame.writeMessage(field: body) { reply in
                reply.writeMessage(field: 1) { info in
                    info.writeVarint(1, field: 1)
                    info.writeVarint(UInt64(size), field: 2)
                }
            }
            frame.writeBytes(payload, field: 2047)
        }
    }

    static func helloReply() -> [UInt8] {
        frame { frame in
            frame.writeMessage(field: 16) { reply in
                reply.writeMessage(field: 6) { limits in
                    limits.writeVarint(4 << 20, field: 1)
                    limits.writeVarint(1 << 20, field: 3)
                    // Of a server that gives no credit back, enough for all.
                    limits.writeVarint(1 << 34, field: 4)
                }
            }
        }
    }

    static func token(ofHello message: [UInt8]) -> String? { field(3, of: message) }
    static func key(ofTarget target: [UInt8]) -> String { field(2, of: target) ?? "" }
    static func firstField(_ message: [UInt8]) -> String { field(1, of: message) ?? "" }

    private static func field(_ number: UInt64, of message: [UInt8]) -> String? {
        var fields = ProtobufFields(message.indices)
        while let field = try? fields.next(in: message.span) {
            if field.number == number { return String(decoding: message[field.range], as: UTF8.self) }
        }
        return nil
    }

    private static func frame(_ body: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        body(&writer)
        return FrameHeader.bytes(length: writer.bytes.count) + writer.bytes
    }
}

/// A frame that the generator sent, decoded by hand.
struct SentFrame: Equatable {
    var id: UInt64 = 0
    var target: [UInt8] = []
    /// Field number of the body.
    var body: UInt64 = 0
    /// The body's message.
    var message: [UInt8] = []
    var isLast = false
    var payload: [UInt8] = []
    /// With the header.
    var length = 0

    /// All of `bytes`, which are whole frames.
    static func all(_ bytes: [UInt8]) throws -> [SentFrame] {
        var frames: [SentFrame] = []
        var offset = 0
        while let message = try FrameHeader.message(at: offset, in: bytes.span, limit: 1 << 24) {
            var frame = SentFrame()
            var fields = ProtobufFields(message)
            while let field = try fields.next(in: bytes.span) {
                switch field.number {
                case 1: frame.id = field.value
                case 2: frame.target = Array(bytes[field.range])
                case 3: frame.isLast = field.value != 0
                case 2047: frame.payload = Array(bytes[field.range])
                default:
                    frame.body = field.number
                    frame.message = Array(bytes[field.range])
                }
            }
            frame.length = message.upperBound - offset
            frames.append(frame)
            offset = message.upperBound
        }
        return frames
    }
}

extension SessionLimits {
    static func limits(
        frame: Int = 4 << 20,
        stream: Int = 1 << 20,
        connection: Int = 16 << 20
    ) throws -> SessionLimits {
        var reply = ProtobufWriter()
        reply.writeMessage(field: 6) { limits in
            limits.writeVarint(UInt64(frame), field: 1)
            limits.writeVarint(UInt64(stream), field: 3)
            limits.writeVarint(UInt64(connection), field: 4)
        }
        return try SessionLimits(helloReply: reply.bytes.indices, in: reply.bytes.span)
    }
}
