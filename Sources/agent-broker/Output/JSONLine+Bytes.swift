import AgentBackend

extension JSONLine {
    /// Bytes as text, or, where they are none, in base64 under the other name.
    mutating func add(_ name: StaticString, orBase64 base64Name: StaticString, _ bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self) {
            add(name, text)
        } else {
            add(base64Name, Base64.text(bytes))
        }
    }

    /// What is known of a file.
    mutating func add(_ info: FileInfo) {
        add("type", info.kind.map(\.name) ?? "unknown")
        add("size", info.size)
        add("mode", FileDetails.octal(info.permissions))
        add("modified_ns", info.modifiedNanoseconds)
        if let etag = info.etag { add("etag", "\(etag)") }
    }
}

/// RFC 4648 section 4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: some Collection<UInt8>) -> String {
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
}
