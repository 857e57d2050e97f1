internal import AgentBackend
internal import Glibc

/// A socket that somebody else listens on and handed over: sd_listen_fds(3).
struct InheritedSocket: Sendable, Hashable {
    let descriptor: CInt
    /// Of LISTEN_FDNAMES; empty where it has none.
    let name: String
    let isUnix: Bool

    /// A TCP socket of this name speaks no TLS, as the addresses of `tls.plain_listen`.
    var isPlain: Bool { name == "plain" }

    private static let firstDescriptor: CInt = 3

    /// The sockets that the variables of the environment tell of. Empty where they are another process's.
    static func take(count: String?, process: String?, names: String?) throws(BackendError) -> [InheritedSocket] {
        guard let count, let process, process == "\(getpid())" else { return [] }
        guard let count = CInt(count), (1...1024).contains(count) else {
            throw mistake("LISTEN_FDS is \(count): it is a number of sockets, from 1")
        }
        let names = names?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        var sockets: [InheritedSocket] = []
        for index in 0..<count {
            let name = names.indices.contains(Int(index)) ? String(names[Int(index)]) : ""
            sockets.append(try adopt(firstDescriptor + index, name))
        }
        return sockets
    }

    private static func adopt(_ descriptor: CInt, _ name: String) throws(BackendError) -> InheritedSocket {
        // Nothing that is started here is to listen as well.
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw mistake("LISTEN_FDS counts descriptor \(descriptor), and nothing is open there")
        }
        guard option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue),
            option(SO_ACCEPTCONN, of: descriptor) == 1
        else {
            throw mistake("descriptor \(descriptor) is no stream socket that is listened on: ListenStream makes one")
        }
        switch option(SO_DOMAIN, of: descriptor) {
        case AF_INET, AF_INET6: return InheritedSocket(descriptor: descriptor, name: name, isUnix: false)
        case AF_UNIX: return InheritedSocket(descriptor: descriptor, name: name, isUnix: true)
        default: throw mistake("descriptor \(descriptor) is a socket of another kind than TCP and unix")
        }
    }

    private static func option(_ option: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
    }

    private static func mistake(_ message: String) -> BackendError {
        BackendError(.invalidConfiguration, message: "socket activation: \(message)")
    }
}
