import Testing

@testable import loadtest

@Suite struct ProtobufTests {
    private func fields(_ bytes: [UInt8]) throws -> [(UInt64, UInt64, [UInt8])] {
        var all: [(UInt64, UInt64, [UInt8])] = []
        var fields = ProtobufFields(bytes.indices)
        while let field = try fields.next(in: bytes.span) {
            all.append((field.number, field.value, Array(bytes[field.range])))
        }
        return all
    }

    private func message(at offset: Int, in bytes: [UInt8], limit: Int) throws -> Range<Int>? {
        try FrameHeader.message(at: offset, in: bytes.span, limit: limit)
    }

    @Test func readsWhatTheWriterWrote() throws {
        var writer = ProtobufWriter()
        writer.writeVarint(.max, field: 1)
        writer.writeFixed64(0x0102_0304_0506_0708, field: 2)
        writer.writeBytes([7, 8, 9], field: 2047)
        let read = try fields(writer.bytes)
        #expect(read.map(\.0) == [1, 2, 2047])
        #expect(read.map(\.1) == [.max, 0x0102_0304_0506_0708, 0])
        #expect(read.map(\.2) == [[], [], [7, 8, 9]])
    }

    @Test func knownBytes() throws {
        var writer = ProtobufWriter()
        writer.writeVarint(300, field: 1)
        writer.writeMessage(field: 32) { _ in }
        #expect(writer.bytes == [0x08, 0xac, 0x02, 0x82, 0x02, 0x00])
        #expect(try fields([0x0d, 1, 0, 0, 1]).map(\.1) == [0x0100_0001])
    }

    private static let malformedMessages: [[UInt8]] = [
        [0x08],  // a tag without its number
        [0x08, 0x80],  // a number that goes on
        [0x0a, 0x02, 0x00],  // bytes beyond the end
        [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],  // a length of 2^64 - 1
        [0x09, 1, 2, 3],  // half of a fixed64
        [0x0b],  // a group
    ]

    @Test(arguments: malformedMessages) func malformed(_ bytes: [UInt8]) {
        #expect(throws: LoadFailure.self) { try fields(bytes) }
    }

    @Test(arguments: [0, 1, 127, 128, 300, 1 << 28 - 1, 1 << 28, PaddedVarint.maximum] as [UInt64])
    func paddedVarint(_ value: UInt64) throws {
        var writer = ProtobufWriter()
        let place = writer.reservePaddedVarint(field: 1)
        var bytes = writer.bytes
        bytes.withUnsafeMutableBytes { PaddedVarint.store(value, in: $0, at: place.lowerBound) }
        #expect(place.count == PaddedVarint.length)
        #expect(try fields(bytes).map(\.1) == [value])
    }

    @Test func frameHeader() throws {
        let frame: [UInt8] = [9, 0, 0, 0, 1, 2, 7, 7]
        #expect(try message(at: 1, in: frame, limit: 1 << 20) == nil)
        let longer = frame + [UInt8](repeating: 0, count: 0x102)
        #expect(try message(at: 1, in: longer, limit: 0x102) == 6..<6 + 0x102)
        #expect(try message(at: 4, in: frame, limit: 1) == nil)
        #expect(throws: LoadFailure.self) { try message(at: 1, in: longer, limit: 0x101) }
        #expect(throws: LoadFailure.self) { try message(at: 0, in: longer, limit: 1 << 20) }
        #expect(FrameHeader.bytes(length: 0x0102_0304) == [0, 1, 2, 3, 4])
    }

    @Test func aHelloReplyMustNameItsLimits() throws {
        let limits = try SessionLimits.limits(frame: 1, stream: 2, connection: 3)
        #expect((limits.maximumFrame, limits.streamWindow, limits.connectionWindow) == (1, 2, 3))
        #expect(throws: LoadFailure.self) { try SessionLimits.limits(connection: 0) }
    }
}
