/// TLS of a client: how the broker has to prove who it is, and how the client does. All of it has defaults.
///
/// Files are in PEM and read anew for each connection, so that they can be replaced. At least TLS 1.2 is spoken.
public struct BrokerTLS: Sendable, Hashable {
    /// File of the authorities, one of which has to have signed the broker's certificate. Nil: those of this host.
    public var authorities: String?
    /// The client's certificate and key, for a broker that asks for them.
    public var identity: Identity?
    /// The name that the broker's certificate has to have. Nil: the host of its address, a name or an IP address. A unix
    /// socket needs one.
    public var serverName: String?

    /// What the client shows of itself.
    public struct Identity: Sendable, Hashable {
        /// File of the certificate, with its chain.
        public var certificate: String
        /// File of its key, without a passphrase, which others must not be able to read.
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    public init(authorities: String? = nil, identity: Identity? = nil, serverName: String? = nil) {
        self.authorities = authorities
        self.identity = identity
        self.serverName = serverName
    }
}
