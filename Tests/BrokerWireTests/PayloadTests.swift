import AgentBackend
import NIOCore
import Testing
import WireFuzzing

@testable import BrokerWire

/// Where the payload is in a message, and who copies it.
@Suite struct PayloadTests {
    private let contents: [UInt8] = Array("the contents".utf8)

    private func decode(_ bytes: [UInt8]) throws -> (frame: ClientFrame, message: ByteBuffer) {
        // Not at the start of its memory, as within a batch.
        var message = ByteBuffer(bytes: [0, 0, 0] + bytes)
        message.moveReaderIndex(forwardBy: 3)
        return (try ClientFrameDecoder().decode(message), message)
    }

    private func isCall(_ frame: ClientFrame, id: UInt64) -> Bool {
        guard case .call(.read(let read)) = frame.body else { return false }
        return frame.id == id && read.path == [0x70] && frame.last
    }

    private var head: [UInt8] {
        Protobuf.number(ClientField.id, 300) + Protobuf.number(ClientField.last, 1)
            + Protobuf.bytes(ClientField.read, Protobuf.bytes(1, [0x70]))
    }

    @Test func lastItIsASliceOfTheMessage() throws {
        let (frame, message) = try decode(head + Protobuf.payload(contents))
        #expect(isCall(frame, id: 300))
        #expect(frame.payload.array == contents)
        #expect(frame.payload.address == message.address + UInt(message.readableBytes - contents.count))
    }

    @Test func firstItWorksToo() throws {
        let (frame, message) = try decode(Protobuf.payload(contents) + head)
        #expect(isCall(frame, id: 300))
        #expect(frame.payload.array == contents)
        // The head was copied together, the payload was not.
        #expect(frame.payload.address == message.address + 3)
    }

    @Test func inTheMiddleItWorksToo() throws {
        let id = Protobuf.number(ClientField.id, 300)
        let (frame, _) = try decode(id + Protobuf.payload(contents) + head.dropFirst(id.count))
        #expect(isCall(frame, id: 300))
        #expect(frame.payload.array == contents)
    }

    @Test func givenTwiceTheLastCounts() throws {
        let other = Protobuf.payload([9, 9, 9])
        let payload = Protobuf.payload(contents)
        for message in [
            head + other + payload, other + head + payload, other + payload + head, other + other + payload + head,
        ] {
            let (frame, _) = try decode(message)
            #expect(isCall(frame, id: 300))
            #expect(frame.payload.array == contents)
        }
    }

    @Test func emptyItIsNoPayload() throws {
        let (frame, _) = try decode(head + Protobuf.payload([]))
        #expect(isCall(frame, id: 300))
        #expect(frame.payload.readableBytes == 0)
    }

    @Test func aMessageOfAPayloadAlone() throws {
        let (frame, _) = try decode(Protobuf.payload(contents))
        #expect(frame.id == 0)
        #expect(frame.payload.array == contents)
        guard case .unknown = frame.body else {
            Issue.record("\(frame.body)")
            return
        }
    }

    /// Contents that are dropped without a word would be lost.
    @Test(arguments: [0, 1, 5] as [UInt64])
    func ofAnotherWireTypeItIsRefused(wireType: UInt64) throws {
        let value: [UInt8] = wireType == 0 ? [7] : Array(repeating: 7, count: wireType == 1 ? 8 : 4)
        for message in [
            head + Protobuf.tag(Protobuf.payloadField, wireType: wireType) + value,
            Protobuf.tag(Protobuf.payloadField, wireType: wireType) + value + head,
        ] {
            let fault = #expect(throws: FrameFault.self) { try decode(message) }
            #expect(fault?.error.code == .protocolError)
        }
    }

    /// The tag's bytes, as every protobuf library writes them: the first two of the field are its number and type.
    @Test func isWrittenAsTheLastField() {
        let frame = ClientFrame(id: 1, body: .call(.echo), payload: ByteBuffer(bytes: contents))
        #expect(message(of: frame).array.suffix(contents.count + 3) == [0xfa, 0x7f, UInt8(contents.count)] + contents)
    }

    @Test(arguments: [0, 1, 127, 128, 16 << 10, (16 << 10) + 1, 1 << 20])
    func largeOnesAreWrittenByReference(count: Int) throws {
        let payload = ByteBuffer(repeating: 7, count: count)
        let encoder = ServerFrameEncoder()
        var out = ByteBuffer()
        let rest = encoder.encode(ServerFrame(id: 1, body: .reply(.echo), payload: payload), into: &out)
        if count > 16 << 10 {
            #expect(rest?.address == payload.address)
            #expect(out.readableBytes < 32)
        } else {
            #expect(rest == nil)
        }
        var whole = out
        if let rest { whole.writeImmutableBuffer(rest) }
        #expect(whole.getInteger(at: 1, as: UInt32.self).map { Int($0) } == whole.readableBytes - FrameHeader.length)
        whole.moveReaderIndex(forwardBy: FrameHeader.length)
        #expect(try ServerFrameDecoder().decode(whole).payload == payload)
    }

    /// Frames of one batch stand one behind the other in one buffer.
    @Test func framesAreAppended() throws {
        let encoder = ServerFrameEncoder()
        var out = ByteBuffer()
        for id in 1...100 {
            let frame = ServerFrame(id: UInt64(id), body: .reply(.echo), payload: ByteBuffer(repeating: 1, count: id))
            #expect(encoder.encode(frame, into: &out) == nil)
        }
        var accumulator = FrameAccumulator()
        accumulator.append(out)
        let decoder = ServerFrameDecoder()
        for id in 1...100 {
            let message = try #require(try accumulator.next())
            let frame = try decoder.decode(message)
            #expect(frame.id == UInt64(id))
            #expect(frame.payload.readableBytes == id)
        }
        #expect(try accumulator.next() == nil)
        #expect(accumulator.isAtBoundary)
    }
}
