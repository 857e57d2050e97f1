/// RFC 4648 section 4.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func text(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var rest = bytes[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            rest = rest.dropFirst(3)
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * (3 - UInt32(group.count)))
            for index in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(index)) & 63)]
                text.append(index <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil: the text is not what ``text(_:)`` makes of any bytes.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        guard rest.count % 4 == 0 else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix(4).prefix { $0 != UInt8(ascii: "=") }.compactMap { alphabet.firstIndex(of: $0) }
            let bits = digits.reduce(0) { $0 << 6 | UInt32($1) } << (6 * (4 - UInt32(digits.count)))
            for index in 0..<max(0, digits.count - 1) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> (16 - 8 * index)))
            }
            rest = rest.dropFirst(4)
        }
        return self.text(bytes) == text ? bytes : nil
    }
}
