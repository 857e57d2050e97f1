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
