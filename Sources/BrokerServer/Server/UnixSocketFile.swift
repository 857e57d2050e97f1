internal import AgentBackend
internal import Glibc
internal import NIOCore

/// The file of a unix socket that this broker listens on: a file of the same name that another broker made since is
/// none of it.
struct UnixSocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// The socket that is there now; nil: there is none.
    init?(_ path: String) {
        guard let status = Self.status(path), status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes it, unless something else has taken its place.
    func remove() {
        guard let status = Self.status(path), status.st_dev == device, status.st_ino == inode else { return }
        unlink(path)
    }

    /// A socket that is bound to the path, in the place of one that a dead broker left behind; it is the caller's to
    /// close. Not bound by the channel, which would remove whatever is at the path when it closes. Throws `CONFLICT`
    /// where somebody listens there, and `INVALID_CONFIGURATION`.
    static func bind(_ path: String) throws(BackendError) -> CInt {
        let address: SocketAddress
        do {
            address = try SocketAddress(unixDomainSocketPath: path)
        } catch {
            throw BackendError(
                .invalidConfiguration,
                message: "\(path) cannot be the path of a unix socket, which has at most 107 bytes: choose another",
                cause: error
            )
        }
        try removeLeftover(path, address)
        let descriptor = newSocket()
        guard descriptor >= 0,
            address.withSockAddr({ Glibc.bind(descriptor, $0, socklen_t($1)) }) == 0
        else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw BackendError(
                .invalidConfiguration,
                systemErrno: code,
                message: "cannot listen on \(path): \(String(cString: strerror(code))); choose another path"
            )
        }
        return descriptor
    }

    private static func removeLeftover(_ path: String, _ address: SocketAddress) throws(BackendError) {
        guard let status = status(path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw BackendError(
                .invalidConfiguration,
                message: "\(path) is there and is no socket: choose another path for the unix socket"
            )
        }
        guard isDead(address) else {
            throw BackendError(
                .conflict,
                message: "somebody listens on \(path) already: choose another path for the unix socket, or end what "
                    + "listens there"
            )
        }
        unlink(path)
    }

    /// Only a refusal shows that nobody listens: a listener whose queue is full, for one, is there.
    private static func isDead(_ address: SocketAddress) -> Bool {
        let descriptor = newSocket()
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return address.withSockAddr { connect(descriptor, $0, socklen_t($1)) != 0 && errno == ECONNREFUSED }
    }

    private static func newSocket() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func status(_ path: String) -> stat? {
        var status = Glibc.stat()
        return lstat(path, &status) == 0 ? status : nil
    }
}
