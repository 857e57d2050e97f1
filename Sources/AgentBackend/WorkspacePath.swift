/// Where a file is, relative to the root of the scope that is addressed.
///
/// The caller's root is always `/workspace`: `/workspace/x`, `/x` and `x` are the same file. The path is
/// cleaned of ".", ".." and repeated slashes by its text alone. That is for the error message and for one
/// spelling per file; what keeps a path beneath its root is the kernel (`openat2(2)`, `RESOLVE_BENEATH`).
/// Bytes, as the kernel's paths are. A value; safe to share.
public struct WorkspacePath: Sendable, Hashable {
    /// Longest path as it is given, in bytes; `PATH_MAX` of limits.h less its NUL.
    public static let maximumLength = 4095
    /// Longest single name, in bytes; `NAME_MAX` of limits.h.
    public static let maximumNameLength = 255
    /// The name of the caller's root at every level.
    public static let rootName = "/workspace"

    /// The root itself.
    public static let root = WorkspacePath(cleaned: [])

    /// Names joined by "/", without a leading or trailing one. Empty for the root.
    public let bytes: [UInt8]

    private init(cleaned bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Throws `INVALID_ARGUMENT` for a NUL or what is too long, `PATH_ESCAPE_ATTEMPT` for a ".." that climbs
    /// above the root.
    public init(_ given: [UInt8]) throws(BackendError) {
        guard given.count <= Self.maximumLength else {
            throw BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "the path is \(given.count) bytes long: at most \(Self.maximumLength) work"
            )
        }
        // Most are in their one spelling, and searches answer with thousands. What is not is looked at again.
        if given.withUnsafeBytes(Self.isClean) {
            bytes = given
            return
        }
        guard !given.contains(0) else {
            throw BackendError(.invalidArgument, message: "the path holds a NUL byte: no file can be named so")
        }
        let relative = Self.withoutRoot(given[...])
        bytes = try relative.withUnsafeBytes(Self.isClean) ? Array(relative) : Self.clean(relative, given: given)
    }

    public init(_ given: String) throws(BackendError) {
        try self.init(Array(given.utf8))
    }

    /// The path of these names, each without "/" and neither "." nor "..". Throws as `init(_:)` for what is too long.
    package init(joining names: [[UInt8]]) throws(BackendError) {
        try self.init(Array(names.joined(separator: [Self.slash])))
    }

    public var isRoot: Bool { bytes.isEmpty }

    /// The directory that holds it and its name in there. Nil for the root, which has neither.
    public var parentAndName: (parent: WorkspacePath, name: [UInt8])? {
        guard !isRoot else { return nil }
        guard let slash = bytes.lastIndex(of: Self.slash) else { return (.root, bytes) }
        return (WorkspacePath(cleaned: Array(bytes[..<slash])), Array(bytes[(slash + 1)...]))
    }

    /// The path of `inner` as seen from the scope in which `self` is a scope's root.
    public func appending(_ inner: WorkspacePath) -> WorkspacePath {
        if isRoot { return inner }
        if inner.isRoot { return self }
        return WorkspacePath(cleaned: bytes + [Self.slash] + inner.bytes)
    }

    /// The path of what has this name, which holds no slash, in the directory at this path. Nil for "." and "..", and for
    /// what would be too long.
    package func appending(name: UnsafeRawBufferPointer) -> WorkspacePath? {
        let count = isRoot ? name.count : bytes.count + 1 + name.count
        guard count <= Self.maximumLength, Self.isPlainName(name) else { return nil }
        var path: [UInt8] = []
        path.reserveCapacity(count)
        if !isRoot {
            path.append(contentsOf: bytes)
            path.append(Self.slash)
        }
        path.append(contentsOf: name)
        return WorkspacePath(cleaned: path)
    }

    /// The path as seen from the scope at `root`; nil where it does not lie in there.
    package func relative(to root: WorkspacePath) -> WorkspacePath? {
        if root.isRoot { return self }
        guard bytes.starts(with: root.bytes) else { return nil }
        let rest = bytes.dropFirst(root.bytes.count)
        guard rest.isEmpty || rest.first == Self.slash else { return nil }
        return WorkspacePath(cleaned: Array(rest.dropFirst()))
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
    /// ``rootName`` without its slash.
    private static let rootBytes = Array(rootName.utf8.dropFirst())

    /// Without the slashes that an absolute path begins with, and without the root's name behind them.
    static func withoutRoot(_ given: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard given.first == slash else { return given }
        let rest = given.drop { $0 == slash }
        guard rest.starts(with: rootBytes) else { return rest }
        let below = rest.dropFirst(rootBytes.count)
        return below.isEmpty || below.first == slash ? below.drop { $0 == slash } : rest
    }

    /// Whether the path is in its one spelling already, without a NUL, and every name is short enough.
    private static func isClean(_ path: UnsafeRawBufferPointer) -> Bool {
        var nameStart = 0
        for index in path.indices {
            switch path[index] {
            case 0:
                return false
            case slash:
                guard isPlainName(UnsafeRawBufferPointer(rebasing: path[nameStart..<index])) else { return false }
                nameStart = index + 1
            default:
                continue
            }
        }
        return path.isEmpty || isPlainName(UnsafeRawBufferPointer(rebasing: path[nameStart...]))
    }

    private static func isPlainName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let first = name.first, name.count <= maximumNameLength else { return false }
        return first != dot || (name.count > 1 && !(name.count == 2 && name.last == dot))
    }

    private static func clean(_ path: ArraySlice<UInt8>, given: [UInt8]) throws(BackendError) -> [UInt8] {
        var names: [ArraySlice<UInt8>] = []
        for name in path.split(separator: slash) {
            if name.elementsEqual([dot]) { continue }
            if name.elementsEqual([dot, dot]) {
                guard names.popLast() != nil else {
                    throw .pathEscape(given)
                }
                continue
            }
            guard name.count <= maximumNameLength else {
                throw BackendError(
                    .invalidArgument,
                    reason: .tooLarge,
                    message: "a name in the path is \(name.count) bytes long: at most \(maximumNameLength) work"
                )
            }
            names.append(name)
        }
        return Array(names.joined(separator: [slash]))
    }
}

extension WorkspacePath: CustomStringConvertible {
    /// `/workspace/…`, with bytes that are no UTF-8 text shown as `\xNN`.
    public var description: String {
        isRoot ? Self.rootName : Self.rootName + "/" + Self.printable(bytes)
    }

    /// Bytes as text for people: what is not printable UTF-8 becomes `\xNN`.
    public static func printable(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self), text.unicodeScalars.allSatisfy(isPrintable) {
            return text
        }
        return bytes.reduce(into: "") { text, byte in
            if byte < 0x80, isPrintable(Unicode.Scalar(byte)) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += byte < 16 ? "\\x0\(String(byte, radix: 16))" : "\\x\(String(byte, radix: 16))"
            }
        }
    }

    /// Neither drives a terminal nor ends a line.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: false
        default: true
        }
    }
}

extension BackendError {
    /// `PATH_ESCAPE_ATTEMPT`, with the path as it was given.
    package static func pathEscape(_ given: [UInt8]) -> BackendError {
        BackendError(
            .pathEscapeAttempt,
            message: "the path leads outside the scope: \(WorkspacePath.printable(given)); use one beneath "
                + WorkspacePath.rootName
        )
    }
}
