internal import NIOCore

/// The frame of a call that is encoded once and sent many times: only the id and the stamps of the contents change.
struct CallTemplate {
    let operation: LoadOperation
    /// Of the payload or the file.
    let contents: LoadContents
    /// All that an exec writes; empty for others.
    let output: [UInt8]
    private let bytes: [UInt8]
    private let idOffset: Int

    /// Bytes on the wire, with the header.
    var frameLength: Int { bytes.count }
    /// Bytes without the header.
    var messageLength: Int { bytes.count - FrameHeader.length }
    /// Bytes that draw credit of the server's.
    var payloadLength: Int { operation.sendsContents ? contents.bytes.count : 0 }

    /// What a call works on.
    struct Subject {
        /// Tells the orgs apart; the wire knows them by the connection's token.
        var org = 0
        var backend: LoadBackend
        var key: String
        var path = ""
        /// Of an exec.
        var command = LoadCommand("true")
    }

    init(_ operation: LoadOperation, on subject: Subject, length: Int) {
        self.operation = operation
        output = operation == .exec ? Array(subject.command.output.utf8) : []
        contents = LoadContents(
            length: length,
            subject: "\(subject.org)/\(subject.key)/\(subject.path)",
            isFile: operation.isOnFile
        )
        var writer = ProtobufWriter()
        let id = writer.reservePaddedVarint(field: 1)
        writer.writeMessage(field: 2) { target in
            target.writeVarint(subject.backend.wireNumber, field: 1)
            target.writeBytes(subject.key.utf8, field: 2)
        }
        if operation == .write { writer.writeVarint(1, field: 3) }
        writer.writeMessage(field: operation.field) { message in
            if operation.isOnFile { message.writeBytes(subject.path.utf8, field: 1) }
            if operation == .exec { message.writeBytes(subject.command.shellLine.utf8, field: 1) }
        }
        if operation.sendsContents { writer.writeBytes(contents.bytes, field: 2047) }
        bytes = FrameHeader.bytes(length: writer.bytes.count) + writer.bytes
        idOffset = FrameHeader.length + id.lowerBound
    }

    /// Appends the frame of one call. `id` is at most `PaddedVarint.maximum`.
    func append(id: UInt64, connection: UInt32, to out: inout ByteBuffer) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { room in
            bytes.withUnsafeBytes { room.copyMemory(from: $0) }
            PaddedVarint.store(id, in: room, at: idOffset)
            if operation.sendsContents {
                contents.stamp(room, at: bytes.count - payloadLength, id: id, connection: connection)
            }
            return bytes.count
        }
    }

    /// Whether a part of an output is that of an exec after its first `offset` bytes.
    ///
    /// - Parameter message: Where the part's message lies.
    func isOutput(
        _ payload: Range<Int>,
        of message: Range<Int>,
        at offset: Int,
        in received: Span<UInt8>
    ) throws(LoadFailure) -> Bool {
        let stream = try ProtobufFields.value(of: 1, in: message, of: received)
        guard stream == Self.standardOutput, payload.count <= output.count - offset else { return false }
        return payload.indices.allSatisfy { received[$0] == output[offset + $0 - payload.lowerBound] }
    }

    /// `OUTPUT_STREAM_STDOUT`.
    private static let standardOutput: UInt64 = 1

    /// Whether the answer to a call says what it has to: the very bytes that an echo sent, a regular file of the right
    /// length, with the right bytes where they were asked for, or a command that exited with 0.
    ///
    /// - Parameters:
    ///   - reply: Where the answer's message lies.
    ///   - payload: Where its payload lies.
    func isAnswered(
        by reply: Range<Int>,
        payload: Range<Int>,
        in received: Span<UInt8>,
        id: UInt64,
        connection: UInt32
    ) throws(LoadFailure) -> Bool {
        if operation.isOnFile {
            let info = try FileInfo(reply: reply, in: received)
            guard info.type == FileInfo.regular, info.size == UInt64(contents.bytes.count) else { return false }
        }
        if operation == .exec { return try ExecEnd(reply: reply, in: received).hasExitedWithZero && payload.isEmpty }
        guard operation.returnsContents else { return payload.isEmpty }
        return contents.match(payload, in: received, stamp: operation == .echo ? (id, connection) : nil)
    }
}

/// What a generator looks at in an `ExecEnd`.
private struct ExecEnd {
    /// A code of 0 is absent from its message.
    private(set) var hasExitedWithZero = false

    init(reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var fields = ProtobufFields(reply)
        while let field = try fields.next(in: bytes) {
            if field.number == 1 {
                hasExitedWithZero = try ProtobufFields.value(of: 1, in: field.range, of: bytes) == 0
            }
        }
    }
}

/// What a generator looks at in the `FileInfo` of an answer.
private struct FileInfo {
    private(set) var type: UInt64 = 0
    private(set) var size: UInt64 = 0

    /// `FILE_TYPE_REGULAR`.
    static let regular: UInt64 = 1

    /// Of `ReadReply`, `WriteReply` or `StatReply`. One without an info has no type.
    init(reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var outer = ProtobufFields(reply)
        while let field = try outer.next(in: bytes) {
            guard field.number == 1 else { continue }
            var inner = ProtobufFields(field.range)
            while let field = try inner.next(in: bytes) {
                switch field.number {
                case 1: type = field.value
                case 2: size = field.value
                default: continue
                }
            }
        }
    }
}
