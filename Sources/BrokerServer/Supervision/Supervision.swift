package import AgentBackend
internal import Glibc

/// What whoever started the process gave it along: sockets that are listened on already, and where to tell how it is
/// doing. As systemd does it, and what knows its protocol.
package struct Supervision: Sendable {
    /// They take the place of every address of the configuration. Empty: there are none.
    let sockets: [InheritedSocket]
    let notification: ServiceNotification?

    /// None at all.
    package init() {
        sockets = []
        notification = nil
    }

    private init(sockets: [InheritedSocket], notification: ServiceNotification?) {
        self.sockets = sockets
        self.notification = notification
    }

    /// Takes over what the environment of this process names: once, before it has children. Throws
    /// `INVALID_CONFIGURATION` for sockets that nobody can accept connections on.
    package static func ofProcess() throws(BackendError) -> Supervision {
        let sockets = try InheritedSocket.take(
            count: variable("LISTEN_FDS"),
            process: variable("LISTEN_PID"),
            names: variable("LISTEN_FDNAMES")
        )
        return Supervision(sockets: sockets, notification: ServiceNotification(address: variable("NOTIFY_SOCKET")))
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
