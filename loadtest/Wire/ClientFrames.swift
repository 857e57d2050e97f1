/// Frames that the generator sends now and then. The many are made by ``CallTemplate``.
enum ClientFrames {
    static func hello(token: String) -> [UInt8] {
        frame(field: 16) { hello in
            hello.writeVarint(1, field: 1)
            hello.writeVarint(1, field: 2)
            hello.writeBytes(token.utf8, field: 3)
            hello.writeBytes("loadtest".utf8, field: 4)
        }
    }

    static func pong(nonce: UInt64) -> [UInt8] {
        frame(field: 18) { pong in pong.writeFixed64(nonce, field: 1) }
    }

    /// Lets the server send so many more payload bytes of one call, or on the connection for id 0.
    static func window(id: UInt64 = 0, bytes: Int) -> [UInt8] {
        frame(field: 20) { window in
            if id != 0 { window.writeVarint(id, field: 1) }
            window.writeVarint(UInt64(bytes), field: 2)
        }
    }

    private static func frame(field: UInt64, _ body: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.writeMessage(field: field, body)
        return FrameHeader.bytes(length: writer.bytes.count) + writer.bytes
    }
}
