/// What bubblewrap's `--json-status-fd` told of a command.
enum StatusDocument {
    /// The command's exit status, as a shell reports it. Nil where bubblewrap tells none: it does so exactly where
    /// the command's program was executed.
    static func exitCode(in bytes: [UInt8]) -> UInt8? {
        let key = Array("\"exit-code\":".utf8)
        let documents = bytes.split(separator: UInt8(ascii: "\n"))
        for document in documents {
            guard let start = document.firstRange(of: key)?.upperBound else { continue }
            let digits = document[start...].drop { $0 == UInt8(ascii: " ") }
                .prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return UInt8(String(decoding: digits, as: UTF8.self))
        }
        return nil
    }
}
