/// What a broker that accepts connections tells whoever started it.
package struct ReadyReport: Sendable {
    /// Where it accepts TCP connections, HOST:PORT each.
    package var wire: [String]
    /// Path of its unix socket.
    package var unix: String?
    package var root: String
    /// How commands are isolated: "none", "software", "landlock" or "bwrap".
    package var isolation: String
    package var version: String
    /// With the embedded configuration: its one token, and the org that it belongs to.
    package var embeddedToken: (org: String, token: String)?
}
