/// What a file holds, which follows from whose it is and which version: nothing has to be remembered to tell the right
/// bytes from others. Text, of lines: the first names file and version, and an edit of it makes the next version out of
/// the one before; the body is another one for every fourth version, which therefore is always written as a whole.
struct VersionedContents {
    /// Names the run, org, key and file, and nobody else's.
    let subject: String
    private let hash: UInt64
    private let sizes: Weighted<Int>

    static let minimumLength = 256
    /// Of the first line, without its end.
    static let versionDigits = 16

    init(subject: String, sizes: Weighted<Int>) {
        self.subject = subject
        self.sizes = sizes
        // FNV-1a.
        hash = subject.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Whether the version is made by an edit of the one before it as well.
    static func mayBeEdit(_ version: UInt64) -> Bool { !version.isMultiple(of: 4) }

    func size(_ version: UInt64) -> Int {
        var generator = bodyGenerator(version)
        return sizes.next(using: &generator)
    }

    /// The first line, without its end.
    func head(_ version: UInt64) -> String { "agent \(subject) version \(Self.digits(version))" }

    /// All bytes of a version.
    func bytes(_ version: UInt64) -> [UInt8] {
        let size = size(version)
        var bytes = Array(head(version).utf8)
        bytes.append(UInt8(ascii: "\n"))
        bytes.reserveCapacity(size + 64)
        bytes.append(contentsOf: body(version, count: size - bytes.count))
        return bytes
    }

    /// Which version these are the bytes of; nil: of none.
    func version(of bytes: [UInt8]) -> UInt64? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), let version = version(ofHead: bytes[..<end]) else {
            return nil
        }
        return bytes == self.bytes(version) ? version : nil
    }

    /// Which version has this first line; nil: none.
    func version(ofHead line: some Collection<UInt8>) -> UInt64? {
        let text = String(decoding: line.suffix(Self.versionDigits), as: UTF8.self)
        guard let version = UInt64(text, radix: 16), line.elementsEqual(head(version).utf8) else { return nil }
        return version
    }

    private func bodyGenerator(_ version: UInt64) -> SeededGenerator {
        SeededGenerator(seed: hash ^ (version / 4) &* 0x9e37_79b9_7f4a_7c15)
    }

    /// Lines of 63 letters.
    private func body(_ version: UInt64, count: Int) -> [UInt8] {
        var generator = bodyGenerator(version)
        // The first number chose the size.
        _ = generator.next()
        let count = max(count, 0)
        return [UInt8](unsafeUninitializedCapacity: count + 8) { room, initialized in
            let bytes = UnsafeMutableRawBufferPointer(room)
            for offset in stride(from: 0, to: count, by: 8) {
                // 64 letters from "0" on, eight at a time; a newline ends every line.
                var letters = generator.next() & 0x3f3f_3f3f_3f3f_3f3f + 0x3030_3030_3030_3030
                if offset & 63 == 56 { letters = letters & 0x00ff_ffff_ffff_ffff | 0x0a << 56 }
                bytes.storeBytes(of: letters.littleEndian, toByteOffset: offset, as: UInt64.self)
            }
            initialized = count
        }
    }

    private static func digits(_ version: UInt64) -> String {
        let text = String(version, radix: 16)
        return String(repeating: "0", count: versionDigits - text.count) + text
    }
}
