internal import AgentBackend
package import BrokerWire
internal import SharedTLS

extension BrokerConfiguration {
    /// Which listeners speak TLS, and with what. Without a certificate none does.
    package struct TLS: Sendable, Hashable {
        /// File of the certificate and its chain, in PEM: absolute. All addresses of `listen` speak TLS then.
        package var certificate: String?
        /// File of its key, in PEM and without a passphrase: absolute.
        package var key: String?
        /// File of the authorities, in PEM, one of which has to have signed a client's certificate: absolute. Nil:
        /// clients need none.
        package var clientAuthorities: String?
        /// TCP addresses without TLS, besides those of `listen`.
        package var plainListen: [TCPAddress] = []
        /// The unix socket speaks TLS too.
        package var onUnixSocket = false
    }

    /// What keeps the files of certificates and keys from being used. Blocks.
    func unusableTLSFiles() -> [ConfigurationProblem] {
        guard let certificate = tls.certificate, let key = tls.key else { return [] }
        var found = Self.problem("cert") { () throws(BackendError) in
            _ = try TLSFile.certificates(in: certificate)
        }
        if found.isEmpty {
            found = Self.problem("key") { () throws(BackendError) in
                _ = try TLSIdentity(certificate: certificate, key: key)
            }
        }
        guard let authorities = tls.clientAuthorities else { return found }
        return found
            + Self.problem("client_ca") { () throws(BackendError) in
                _ = try TLSFile.certificates(in: authorities)
            }
    }

    private static func problem(
        _ key: String,
        _ use: () throws(BackendError) -> Void
    ) -> [ConfigurationProblem] {
        do throws(BackendError) {
            try use()
            return []
        } catch {
            return [ConfigurationProblem(path: "tls.\(key)", message: String(error.message.trimmingPrefix("TLS: ")))]
        }
    }

    func contradictionsOfTLS() -> [ConfigurationProblem] {
        var found: [ConfigurationProblem] = []
        func refuse(_ key: String, _ message: String) {
            found.append(ConfigurationProblem(path: "tls.\(key)", message: message))
        }
        if tls.certificate == nil, tls.key != nil { refuse("key", "is of no use without tls.cert: name both, or none") }
        if tls.certificate != nil, tls.key == nil { refuse("cert", "is of no use without tls.key: name both, or none") }
        guard tls.certificate == nil else { return found }
        if tls.clientAuthorities != nil { refuse("client_ca", "is of no use without tls.cert and tls.key: add them") }
        if tls.onUnixSocket { refuse("unix_socket", "needs tls.cert and tls.key: add them") }
        return found
    }
}
