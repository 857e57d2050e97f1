/// Rules for the names of orgs and keys.
///
/// `[A-Za-z0-9][A-Za-z0-9._~-]{0,127}`, compared as bytes: each is safe as a file name, in a log line and in
/// a URL, and can be neither "." nor "..", so that two different names never mean the same directory.
public enum Name {
    /// Longest name, in bytes.
    public static let maximumLength = 128

    /// Throws `INVALID_ARGUMENT` for what is no name. `kind` ("org", "key") goes into the message.
    public static func validate(_ name: String, kind: String) throws(BackendError) {
        guard isValid(name.utf8) else {
            throw BackendError(
                .invalidArgument,
                message: "\(kind) is no name: use 1 to \(maximumLength) of A-Z a-z 0-9 . _ ~ -, "
                    + "and begin with a letter or digit"
            )
        }
    }

    /// Whether the bytes are a name.
    public static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, isAlphanumeric(first), bytes.count <= maximumLength else { return false }
        return bytes.allSatisfy { byte in
            isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "~") || byte == UInt8(ascii: "-")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            false
        }
    }
}
