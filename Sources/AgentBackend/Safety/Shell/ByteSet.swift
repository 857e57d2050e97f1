/// A set of byte values.
struct ByteSet: Sendable, Hashable {
    private var low: UInt64 = 0
    private var middle: UInt64 = 0
    private var high: UInt64 = 0
    private var highest: UInt64 = 0

    init() {}

    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { insert(byte) }
    }

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: low
            case 1: middle
            case 2: high
            default: highest
            }
        return word >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: low |= bit
        case 1: middle |= bit
        case 2: high |= bit
        default: highest |= bit
        }
    }

    mutating func formUnion(_ other: ByteSet) {
        low |= other.low
        middle |= other.middle
        high |= other.high
        highest |= other.highest
    }

    static let digits = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
    static let wordCharacters: ByteSet = {
        var set = digits
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") { set.insert(byte) }
        for byte in UInt8(ascii: "A")...UInt8(ascii: "Z") { set.insert(byte) }
        set.insert(UInt8(ascii: "_"))
        return set
    }()
    /// What follows the first byte of a character of several, in UTF-8.
    static let continuations = ByteSet(0x80...0xbf)
}
