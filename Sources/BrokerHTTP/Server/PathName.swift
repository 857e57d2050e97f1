internal import AgentBackend

/// One name of a request's path. It is read once, here, and handed on as a name: so nothing that somebody before or
/// behind this might read in another way is taken, such as an escaped slash, "..", or nothing at all between two slashes.
enum PathName {
    /// With `%XX` for what it cannot hold otherwise. Throws `INVALID_ARGUMENT`.
    static func decoded(_ text: Substring) throws(BackendError) -> [UInt8] {
        var name: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                name.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
                digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
            else { throw refusal("has a % without two hexadecimal digits") }
            rest = rest.dropFirst(2)
            name.append(value)
        }
        guard !name.isEmpty, name != [UInt8(ascii: ".")], name != Array("..".utf8) else {
            throw refusal("has a name that is empty, \".\" or \"..\"")
        }
        guard !name.contains(UInt8(ascii: "/")), name.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw refusal("has a slash or a control character within a name")
        }
        return name
    }

    private static func refusal(_ what: String) -> BackendError {
        BackendError(.invalidArgument, message: "the path of the request \(what)")
    }
}
