import NIOCore
import Testing

@testable import loadtest

@Suite struct FrameTemplateTests {
    private let template = FrameTemplate(backend: .memory, key: "k", payloadLength: 40)

    private func frame(id: UInt64, connection: UInt32) throws -> SentFrame {
        var out = ByteBuffer()
        template.append(id: id, connection: connection, to: &out)
        #expect(out.readableBytes == template.frameLength)
        return try #require(try SentFrame.all(Array(out.readableBytesView)).first)
    }

    @Test func isAnEchoCall() throws {
        let frame = try frame(id: 77, connection: 3)
        #expect(frame.id == 77)
        #expect(frame.target == [0x08, 0x02, 0x12, 0x01, UInt8(ascii: "k")])
        #expect(frame.body == 32)
        #expect(frame.payload.count == 40)
    }

    @Test func aLaterFrameKeepsNothingOfAnEarlierOne() throws {
        _ = try frame(id: PaddedVarint.maximum, connection: .max)
        #expect(try frame(id: 1, connection: 0) == frame(id: 1, connection: 0))
        #expect(try frame(id: 1, connection: 0).payload.prefix(12) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func tellsTheRightPayloadFromEveryOther() throws {
        let payload = try frame(id: 77, connection: 3).payload
        #expect(template.matches(payload, id: 77, connection: 3))
        #expect(!template.matches(payload, id: 78, connection: 3))
        #expect(!template.matches(payload, id: 77, connection: 2))
        #expect(!template.matches(Array(payload.dropLast()), id: 77, connection: 3))
        #expect(!template.matches(payload + [0], id: 77, connection: 3))
        #expect(!template.matches([], id: 77, connection: 3))
        for index in payload.indices {
            var changed = payload
            changed[index] ^= 1
            #expect(!template.matches(changed, id: 77, connection: 3), "byte \(index)")
        }
    }

    @Test func aPayloadMayBeNoMoreThanTheStamp() throws {
        let template = FrameTemplate(backend: .local, key: "k", payloadLength: FrameTemplate.stampLength)
        var out = ByteBuffer()
        template.append(id: 5, connection: 6, to: &out)
        let payload = try #require(try SentFrame.all(Array(out.readableBytesView)).first).payload
        #expect(template.matches(payload, id: 5, connection: 6))
        #expect(!template.matches(payload, id: 5, connection: 7))
    }
}

extension FrameTemplate {
    fileprivate func matches(_ payload: [UInt8], id: UInt64, connection: UInt32) -> Bool {
        matches(payload.indices, in: payload.span, id: id, connection: connection)
    }
}
