internal import AgentBackend
internal import NIOCore

/// Where a broker accepts connections.
struct Listeners {
    let channels: [any Channel]
    /// Of TCP.
    let wires: [ReadyReport.Wire]
    /// A unix socket that the broker made itself.
    private let ownUnixSocket: UnixSocketFile?

    /// Listens on what was inherited, else on all that the configuration names. Throws `INVALID_CONFIGURATION`.
    init(
        _ listener: WireListener,
        _ configuration: BrokerConfiguration,
        _ inherited: [InheritedSocket]
    ) async throws(BackendError) {
        var channels: [any Channel] = []
        var wires: [ReadyReport.Wire] = []
        func add(_ channel: any Channel, tls: ServerTLS?) {
            channels.append(channel)
            guard let address = channel.localAddress, let port = address.port, let host = address.ipAddress else {
                return
            }
            let text = address.protocol == .inet6 ? "[\(host)]:\(port)" : "\(host):\(port)"
            wires.append(ReadyReport.Wire(address: text, speaksTLS: tls != nil))
        }
        let unixTLS = configuration.tls.onUnixSocket ? listener.tls : nil
        for socket in inherited {
            let tls = socket.isUnix ? unixTLS : socket.isPlain ? nil : listener.tls
            add(try await listener.listen(on: socket, tls: tls), tls: tls)
        }
        if inherited.isEmpty {
            for address in configuration.listen {
                add(try await listener.listen(address, tls: listener.tls), tls: listener.tls)
            }
            for address in configuration.tls.plainListen {
                add(try await listener.listen(address, tls: nil), tls: nil)
            }
            if let path = configuration.unixSocket {
                add(try await listener.listen(unixSocket: path, tls: unixTLS), tls: unixTLS)
            }
        }
        self.channels = channels
        self.wires = wires
        ownUnixSocket = inherited.isEmpty ? configuration.unixSocket.flatMap { UnixSocketFile($0) } : nil
    }

    func removeFiles() {
        ownUnixSocket?.remove()
    }

    var unixSocket: String? {
        channels.compactMap(\.localAddress).first { $0.protocol == .unix }.flatMap(\.pathname)
    }
}
