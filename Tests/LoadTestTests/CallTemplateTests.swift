import NIOCore
import Testing

@testable import loadtest

@Suite struct CallTemplateTests {
    private static let file = CallTemplate.Subject(org: 1, backend: .local, key: "k", path: "a/b")

    private func frame(_ template: CallTemplate, id: UInt64, connection: UInt32) throws -> SentFrame {
        var out = ByteBuffer()
        template.append(id: id, connection: connection, to: &out)
        #expect(out.readableBytes == template.frameLength)
        return try #require(try SentFrame.all(Array(out.readableBytesView)).first)
    }

    // MARK: Echo

    private let echo = CallTemplate(.echo, on: .init(backend: .memory, key: "k"), length: 40)

    @Test func anEchoCarriesItsPayload() throws {
        let frame = try frame(echo, id: 77, connection: 3)
        #expect(frame.id == 77)
        #expect(frame.target == [0x08, 0x02, 0x12, 0x01, UInt8(ascii: "k")])
        #expect(frame.body == 32)
        #expect(frame.payload.count == 40)
    }

    @Test func aLaterFrameKeepsNothingOfAnEarlierOne() throws {
        _ = try frame(echo, id: PaddedVarint.maximum, connection: .max)
        #expect(try frame(echo, id: 1, connection: 0) == frame(echo, id: 1, connection: 0))
        #expect(try frame(echo, id: 1, connection: 0).payload.prefix(12) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func tellsTheRightPayloadFromEveryOther() throws {
        let payload = try frame(echo, id: 77, connection: 3).payload
        #expect(try echo.accepts(payload, id: 77, connection: 3))
        #expect(try !echo.accepts(payload, id: 78, connection: 3))
        #expect(try !echo.accepts(payload, id: 77, connection: 2))
        #expect(try !echo.accepts(Array(payload.dropLast()), id: 77, connection: 3))
        #expect(try !echo.accepts(payload + [0], id: 77, connection: 3))
        #expect(try !echo.accepts([], id: 77, connection: 3))
        for index in payload.indices {
            var changed = payload
            changed[index] ^= 1
            #expect(try !echo.accepts(changed, id: 77, connection: 3), "byte \(index)")
        }
    }

    @Test func aPayloadMayBeNoMoreThanTheStamp() throws {
        let template = CallTemplate(
            .echo,
            on: .init(backend: .local, key: "k"),
            length: LoadContents.minimumLength(isFile: false)
        )
        let payload = try frame(template, id: 5, connection: 6).payload
        #expect(try template.accepts(payload, id: 5, connection: 6))
        #expect(try !template.accepts(payload, id: 5, connection: 7))
    }

    // MARK: Files

    private let write = CallTemplate(.write, on: file, length: 60)
    private let read = CallTemplate(.read, on: file, length: 60)
    private let stat = CallTemplate(.stat, on: file, length: 60)

    @Test func onlyAWriteCarriesTheFileAndIsWhole() throws {
        let written = try frame(write, id: 1, connection: 0)
        #expect(written.body == 49 && written.payload.count == 60 && written.isLast)
        for (template, field) in [(read, 48), (stat, 51)] as [(CallTemplate, UInt64)] {
            let frame = try frame(template, id: 1, connection: 0)
            #expect(frame.body == field && frame.payload.isEmpty && !frame.isLast)
            #expect(frame.message == [0x0a, 3] + Array("a/b".utf8))
        }
    }

    @Test func aReadTakesWhatAnyOneWriteLeft() throws {
        for id in [1, 2] as [UInt64] {
            #expect(try read.accepts(frame(write, id: id, connection: 9).payload, info: (1, 60)))
        }
    }

    @Test func aReadRefusesPartsOfTwoWrites() throws {
        let (one, two) = (
            try frame(write, id: 1, connection: 0).payload, try frame(write, id: 2, connection: 0).payload
        )
        for cut in [1, 11, 12, 30, 48] {
            #expect(try !read.accepts(Array(one[..<cut] + two[cut...]), info: (1, 60)), "cut at \(cut)")
        }
    }

    @Test func aReadRefusesAnotherFile() throws {
        var others = Array(repeating: Self.file, count: 3)
        others[0].org = 2
        others[1].key = "l"
        others[2].path = "a/c"
        for other in others {
            let payload = try frame(CallTemplate(.write, on: other, length: 60), id: 1, connection: 0).payload
            #expect(try !read.accepts(payload, info: (1, 60)), "\(other)")
        }
        let payload = try frame(write, id: 1, connection: 0).payload
        #expect(try !read.accepts(Array(payload.dropLast()), info: (1, 60)))
        #expect(try !read.accepts(payload, info: (1, 61)))
        #expect(try !read.accepts(payload, info: nil))
    }

    @Test func whatIsToldOfAFileIsLookedAt() throws {
        for template in [write, stat] {
            #expect(try template.accepts([], info: (1, 60)))
            #expect(try !template.accepts([], info: (1, 59)))
            #expect(try !template.accepts([], info: (2, 60)))
            #expect(try !template.accepts([], info: nil))
            #expect(try !template.accepts([0], info: (1, 60)))
        }
    }
}

extension CallTemplate {
    fileprivate func accepts(
        _ payload: [UInt8],
        info: (type: UInt64, size: UInt64)? = nil,
        id: UInt64 = 1,
        connection: UInt32 = 0
    ) throws -> Bool {
        var reply = ProtobufWriter()
        if let info {
            reply.writeMessage(field: 1) { message in
                message.writeVarint(info.type, field: 1)
                message.writeVarint(info.size, field: 2)
            }
        }
        let message = reply.bytes.indices
        let bytes = reply.bytes + payload
        return try isAnswered(
            by: message,
            payload: message.upperBound..<bytes.count,
            in: bytes.span,
            id: id,
            connection: connection
        )
    }
}
