import AgentBackend
import NIOCore
import Testing

@testable import BrokerWire

@Suite struct FrameAccumulatorTests {
    private func frame(_ contents: [UInt8], flags: UInt8 = 0, length: UInt32? = nil) -> [UInt8] {
        let length = length ?? UInt32(contents.count)
        return [flags] + withUnsafeBytes(of: length.bigEndian) { Array($0) } + contents
    }

    private func messages(_ pieces: [[UInt8]], maximum: Int = 1 << 20) throws -> [[UInt8]] {
        var accumulator = FrameAccumulator(maximumMessageLength: maximum)
        var messages: [[UInt8]] = []
        for piece in pieces {
            accumulator.append(ByteBuffer(bytes: piece))
            while let message = try accumulator.next() { messages.append(message.array) }
        }
        #expect(accumulator.isAtBoundary)
        return messages
    }

    private let contents: [[UInt8]] = [[1, 2, 3], [], Array(0..<200), [9]]

    @Test func cutsABatch() throws {
        #expect(try messages([contents.flatMap { frame($0) }]) == contents)
    }

    @Test func putsTogetherWhatCameInTwoPiecesCutAnywhere() throws {
        let bytes = contents.flatMap { frame($0) }
        for cut in 0...bytes.count {
            #expect(try messages([Array(bytes[..<cut]), Array(bytes[cut...])]) == contents, "cut at \(cut)")
        }
    }

    @Test func putsTogetherWhatCameInThreePiecesCutAnywhere() throws {
        let bytes = [[1, 2, 3], [4]].flatMap { frame($0) }
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map { Array($0) }
                #expect(try messages(pieces) == [[1, 2, 3], [4]], "cut at \(first) and \(second)")
            }
        }
    }

    @Test func putsTogetherWhatCameByteByByte() throws {
        #expect(try messages(contents.flatMap { frame($0) }.map { [$0] }) == contents)
    }

    /// A message that was handed out stays what it was while more arrives.
    @Test func messagesDoNotChange() throws {
        var accumulator = FrameAccumulator()
        let second = frame([7, 7, 7])
        accumulator.append(ByteBuffer(bytes: frame([1, 2, 3]) + second.prefix(6)))
        let first = try #require(try accumulator.next())
        #expect(try accumulator.next() == nil)
        accumulator.append(ByteBuffer(bytes: second.dropFirst(6)))
        #expect(try accumulator.next()?.array == [7, 7, 7])
        #expect(first.array == [1, 2, 3])
    }

    @Test func knowsWhetherAMessageIsUnderWay() throws {
        var accumulator = FrameAccumulator()
        #expect(accumulator.isAtBoundary)
        accumulator.append(ByteBuffer(bytes: [0]))
        _ = try accumulator.next()
        #expect(!accumulator.isAtBoundary)
        accumulator.append(ByteBuffer(bytes: [0, 0, 0, 0]))
        #expect(try accumulator.next()?.array == [])
        #expect(accumulator.isAtBoundary)
    }

    @Test(arguments: [0x01, 0x02, 0x80, 0xff] as [UInt8])
    func flagsAreRefused(flags: UInt8) {
        let error = #expect(throws: BackendError.self) { try messages([frame([1], flags: flags)]) }
        #expect(error?.code == .protocolError)
    }

    @Test func plainTextIsRefused() {
        #expect(throws: BackendError.self) { try messages([Array("GET / HTTP/1.1\r\n".utf8)]) }
    }

    @Test func aLengthOverTheLimitIsRefusedBeforeAnythingIsBuffered() throws {
        #expect(try messages([frame(Array(repeating: 0, count: 100))], maximum: 100).count == 1)
        for length in [101, UInt32.max] {
            let error = #expect(throws: BackendError.self) {
                try messages([frame([], length: length)], maximum: 100)
            }
            #expect(error?.code == .protocolError)
            #expect(error?.reason == .tooLarge)
            #expect(error?.limit == LimitDetails(name: "frame_bytes", used: UInt64(length), allowed: 100))
        }
    }

    /// Of a large piece whose last bytes begin another frame only those are kept.
    @Test func theBeginningOfAFrameKeepsNoLargeBuffer() throws {
        var accumulator = FrameAccumulator()
        accumulator.append(ByteBuffer(bytes: frame(Array(repeating: 1, count: 60_000)) + [0, 0, 0]))
        #expect(try accumulator.next()?.readableBytes == 60_000)
        #expect(try accumulator.next() == nil)
        #expect(accumulator.capacity <= 64)
        accumulator.append(ByteBuffer(bytes: [0, 1, 9]))
        #expect(try accumulator.next()?.array == [9])
    }

    /// Room for a message is made once, however it arrives; and given back when it is gone.
    @Test func aLargeMessageIsCopiedOnce() throws {
        var accumulator = FrameAccumulator()
        let length = 1 << 20
        accumulator.append(ByteBuffer(bytes: frame([], length: UInt32(length))))
        #expect(try accumulator.next() == nil)
        let room = accumulator.capacity
        #expect(room >= length)
        for _ in 0..<1024 {
            #expect(try accumulator.next() == nil)
            accumulator.append(ByteBuffer(repeating: 1, count: 1024))
            #expect(accumulator.capacity == room)
        }
        #expect(try accumulator.next()?.readableBytes == length)
        #expect(try accumulator.next() == nil)
        #expect(accumulator.capacity == 0)
    }
}
