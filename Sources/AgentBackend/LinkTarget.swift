/// Where a symbolic link is to lead: a path as seen from the directory that the link is in, or an absolute one beneath
/// `/workspace`. A value; safe to share.
public struct LinkTarget: Sendable, Hashable {
    /// As it was given.
    public let bytes: [UInt8]

    /// Throws `INVALID_ARGUMENT` for what is empty, too long or holds a NUL, `PATH_ESCAPE_ATTEMPT` for an absolute path
    /// elsewhere.
    public init(_ bytes: [UInt8]) throws(BackendError) {
        let names = bytes.split(separator: Self.slash)
        guard !bytes.isEmpty, bytes.count <= WorkspacePath.maximumLength, !bytes.contains(0),
            names.allSatisfy({ $0.count <= WorkspacePath.maximumNameLength })
        else {
            throw BackendError(
                .invalidArgument,
                message:
                    "the target of a link has 1 to \(WorkspacePath.maximumLength) bytes without NUL, in names of at "
                    + "most \(WorkspacePath.maximumNameLength): give another"
            )
        }
        if bytes.first == Self.slash {
            let isInside = WorkspacePath.withoutRoot(bytes[...]).count < bytes.drop { $0 == Self.slash }.count
            guard isInside else { throw .pathEscape(bytes) }
            _ = try WorkspacePath(bytes)
        }
        self.bytes = bytes
    }

    public init(_ text: String) throws(BackendError) {
        try self.init(Array(text.utf8))
    }

    /// What a link in this directory holds to lead there: the shortest relative path. A ".." takes away the name before
    /// it, whatever that is.
    ///
    /// Throws `PATH_ESCAPE_ATTEMPT` where that is outside, `INVALID_ARGUMENT` for what is too long.
    ///
    /// - Parameter directory: Its path, without symbolic links.
    package func text(in directory: WorkspacePath) throws(BackendError) -> [UInt8] {
        let isAbsolute = bytes.first == Self.slash
        let place = try WorkspacePath(isAbsolute || directory.isRoot ? bytes : directory.bytes + [Self.slash] + bytes)
        let from = directory.bytes.split(separator: Self.slash)
        let to = place.bytes.split(separator: Self.slash)
        let shared = zip(from, to).prefix { $0 == $1 }.count
        let names = Array(repeating: [Self.dot, Self.dot][...], count: from.count - shared) + to[shared...]
        return names.isEmpty ? [Self.dot] : Array(names.joined(separator: [Self.slash]))
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
}
