import AgentBackend
import NIOCore
import Testing

@Suite struct OutputRingTests {
    @Test func keepsTheLastBytesByTheirOffsets() {
        var ring = OutputRing(capacity: 4)
        ring.append(ByteBuffer(string: "abc"))
        #expect(ring.start == 0 && ring.end == 3)
        #expect(ring.bytes(from: 1, upTo: 9) == ByteBuffer(string: "bc"))
        ring.append(ByteBuffer(string: "def"))
        #expect(ring.start == 2 && ring.end == 6)
        #expect(ring.bytes(from: 2, upTo: 3) == ByteBuffer(string: "cde"))
        #expect(ring.bytes(from: 6, upTo: 1).readableBytes == 0)
        #expect(ring.bytes(from: 7, upTo: 1).readableBytes == 0)
    }

    @Test func whatIsLongerThanTheRingKeepsItsEnd() {
        var ring = OutputRing(capacity: 4)
        ring.append(ByteBuffer(string: "x"))
        ring.append(ByteBuffer(string: "0123456789"))
        #expect(ring.start == 7 && ring.end == 11)
        #expect(ring.bytes(from: 7, upTo: 4) == ByteBuffer(string: "6789"))
    }

    @Test func takesMemoryAsBytesCome() {
        var ring = OutputRing(capacity: 1 << 20)
        #expect(ring.storage.isEmpty)
        ring.append(ByteBuffer(string: "a"))
        #expect(ring.storage.count == 4096)
        ring.append(ByteBuffer(repeating: 1, count: 3 << 20))
        #expect(ring.storage.count == 1 << 20)
        ring.removeAll()
        #expect(ring.storage.isEmpty)
    }

    @Test func whatIsForgottenKeepsItsOffsets() {
        var ring = OutputRing(capacity: 8)
        ring.append(ByteBuffer(string: "abc"))
        ring.removeAll()
        #expect(ring.start == 3 && ring.end == 3 && ring.count == 0)
        ring.append(ByteBuffer(string: "de"))
        #expect(ring.bytes(from: 3, upTo: 2) == ByteBuffer(string: "de"))
    }

    /// Against all that was ever written.
    @Test(arguments: [1, 2, 7, 4096, 5000])
    func isTheEndOfAllThatWasWritten(capacity: Int) {
        var generator = SeededGenerator(seed: UInt64(capacity))
        var ring = OutputRing(capacity: capacity)
        var all: [UInt8] = []
        for _ in 0..<300 {
            let length = Int.random(in: 0...(Bool.random(using: &generator) ? 9 : capacity * 2), using: &generator)
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            all += bytes
            ring.append(ByteBuffer(bytes: bytes))
            #expect(ring.end == UInt64(all.count))
            #expect(ring.count == min(all.count, capacity))
            let from = Int.random(in: Int(ring.start)...all.count, using: &generator)
            let count = Int.random(in: 0...capacity, using: &generator)
            #expect(ring.bytes(from: UInt64(from), upTo: count) == ByteBuffer(bytes: all[from...].prefix(count)))
        }
    }
}
