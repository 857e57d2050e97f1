/// What a broker that accepts connections tells whoever started it.
package struct ReadyReport: Sendable {
    /// Where it accepts TCP connections, HOST:PORT each.
    package var wire: [String]
    /// Path of its unix socket.
    package var unix: String?
    /// The addresses of TCP speak TLS, but those that the configuration says it of.
    package var speaksTLS: Bool
    package var root: String
    /// How commands are isolated: "none", "software", "landlock" or "bwrap".
    package var isolation: String
    package var version: String
    /// With the embedded configuration: its one token, and the org that it belongs to.
    package var embeddedToken: (org: String, token: String)?
    /// Has it read the files of TLS again; see ``ServerTLS/reloadCertificates()``.
    package var reloadCertificates: @Sendable () throws -> Void
}
