public import AgentBackend
internal import BrokerWire

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
        guard let address = TCPAddress(text), address.port > 0 else { throw mistake(text) }
        return .tcp(host: address.host, port: address.port)
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
        case .tcp(let host, let port): "\(TCPAddress(host: host, port: port))"
        case .unix(let path): "unix:\(path)"
        }
    }
}
