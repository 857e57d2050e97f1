/// What a broker that accepts connections tells whoever started it.
package struct ReadyReport: Sendable {
    /// A TCP address.
    package struct Wire: Sendable, Hashable {
        /// HOST:PORT.
        package var address: String
        package var speaksTLS: Bool

        package init(address: String, speaksTLS: Bool) {
            self.address = address
            self.speaksTLS = speaksTLS
        }
    }

    /// Where it accepts TCP connections.
    package var wires: [Wire]
    /// Where it accepts HTTP.
    package var http: [Wire] = []
    /// Path of its unix socket.
    package var unix: String?
    package var root: String
    /// How commands are isolated: "none", "software", "landlock" or "bwrap".
    package var isolation: String
    package var version: String
    /// With the embedded configuration: its one token, and the org that it belongs to.
    package var embeddedToken: (org: String, token: String)?
    /// Has it read the files of TLS again; see ``ServerTLS/reloadCertificates()``.
    package var reloadCertificates: @Sendable () throws -> Void
}
