public import AgentBackend

/// Where a broker listens: `HOST:PORT`, an IPv6 host in brackets, or `unix:PATH`.
public enum BrokerAddress: Sendable, Hashable {
    /// `host` is a name or an address, without brackets.
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    /// Longest path of a unix socket, in bytes; `sun_path` of unix(7) less its NUL.
    public static let maximumPathLength = 107

    /// Throws `INVALID_ARGUMENT` for what is no such address.
    public init(_ text: String) throws(BackendError) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try Self.path(text.dropFirst("unix:".count)))
        } else {
            self = try Self.hostAndPort(text)
        }
    }

    private static func path(_ path: Substring) throws(BackendError) -> String {
        guard !path.isEmpty, path.utf8.count <= maximumPathLength, !path.utf8.contains(0) else {
            throw BackendError(
                .invalidArgument,
                message: "the path of the unix socket has \(path.utf8.count) bytes: give 1 to \(maximumPathLength)"
            )
        }
        return String(path)
    }

    private static func hostAndPort(_ text: String) throws(BackendError) -> BrokerAddress {
        guard let colon = text.lastIndex(of: ":") else { throw mistake(text) }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits), port > 0
        else { throw mistake(text) }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Without brackets it is not clear which colon ends the host.
            throw mistake(text)
        }
        let isGraphic = host.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard !host.isEmpty, isGraphic, !host.contains("["), !host.contains("]") else { throw mistake(text) }
        return .tcp(host: String(host), port: port)
    }

    private static func mistake(_ text: String) -> BackendError {
        BackendError(
            .invalidArgument,
            message: "\(WorkspacePath.printable(text.utf8)) is no address of a broker: write HOST:PORT, [IPV6]:PORT "
                + "or unix:PATH"
        )
    }
}

extension BrokerAddress: CustomStringConvertible {
    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
