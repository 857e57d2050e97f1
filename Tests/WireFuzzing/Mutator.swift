/// Changes some bytes of samples, cuts, doubles or moves them: always the same for the same seed.
package struct Mutator: Sendable {
    private let samples: [[UInt8]]
    private var state: UInt64

    /// - Parameter samples: At least one.
    package init(samples: [[UInt8]], seed: UInt64) {
        self.samples = samples
        state = (seed &+ 1) &* 0x9e37_79b9_7f4a_7c15
        if state == 0 { state = 1 }
    }

    package mutating func next() -> [UInt8] {
        if number(below: 32) == 0 { return (0..<number(below: 200)).map { _ in UInt8(number(below: 256)) } }
        var bytes = samples[number(below: samples.count)]
        for _ in 0..<1 + number(below: 5) { mutate(&bytes) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let position = number(below: bytes.count)
        switch number(below: 8) {
        case 0: bytes[position] ^= 1 << number(below: 8)
        case 1: bytes[position] = UInt8(number(below: 256))
        case 2: bytes = Array(bytes.prefix(position))
        case 3: bytes.insert(UInt8(number(below: 256)), at: position)
        case 4: bytes.remove(at: position)
        // One message behind the other: one, to protobuf, with what is in both.
        case 5: if bytes.count < 4096 { bytes += samples[number(below: samples.count)] }
        // A piece of it once more.
        case 6:
            bytes.insert(contentsOf: bytes[position..<min(bytes.count, position + 16)], at: number(below: bytes.count))
        default: bytes[position] = [0xff, 0x7f, 0x80, 0, 0x8a, 0x0a, 0x12, 0xfa][number(below: 8)]
        }
    }

    package mutating func number(below bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
