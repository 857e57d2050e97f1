/// Byte strings that end with NUL, one after the other.
struct StringList {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ string: [UInt8]) {
        bytes += string
        bytes.append(0)
    }
}
