internal import AgentBackend
internal import NIOCore

/// Where a broker accepts connections.
struct Listeners {
    let channels: [any Channel]
    /// A unix socket that the broker made itself.
    private let ownUnixSocket: UnixSocketFile?

    /// Listens on what was inherited, else on all that the configuration names. Throws `INVALID_CONFIGURATION`.
    init(
        _ listener: WireListener,
        _ configuration: BrokerConfiguration,
        _ inherited: [InheritedSocket]
    ) async throws(BackendError) {
        var channels: [any Channel] = []
        let unixTLS = configuration.tls.onUnixSocket ? listener.tls : nil
        for socket in inherited {
            let tls = socket.isUnix ? unixTLS : socket.isPlain ? nil : listener.tls
            channels.append(try await listener.listen(on: socket, tls: tls))
        }
        if inherited.isEmpty {
            for address in configuration.listen {
                channels.append(try await listener.listen(address, tls: listener.tls))
            }
            for address in configuration.tls.plainListen {
                channels.append(try await listener.listen(address, tls: nil))
            }
            if let path = configuration.unixSocket {
                channels.append(try await listener.listen(unixSocket: path, tls: unixTLS))
            }
        }
        self.channels = channels
        ownUnixSocket = inherited.isEmpty ? configuration.unixSocket.flatMap { UnixSocketFile($0) } : nil
    }

    func removeFiles() {
        ownUnixSocket?.remove()
    }

    /// Of TCP, HOST:PORT each.
    var addresses: [String] {
        channels.compactMap(\.localAddress).compactMap { address in
            guard let port = address.port, let host = address.ipAddress else { return nil }
            return address.protocol == .inet6 ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    var unixSocket: String? {
        channels.compactMap(\.localAddress).first { $0.protocol == .unix }.flatMap(\.pathname)
    }
}
