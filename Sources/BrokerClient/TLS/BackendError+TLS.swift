internal import AgentBackend
internal import BrokerWire
internal import Glibc
internal import NIOSSL

extension BackendError {
    /// Nil: no error of TLS. `certificate`: the broker's, where it showed one.
    init?(ofTLS error: any Error, certificate: NIOSSLCertificate?) {
        if let error = error as? NIOSSLExtraError {
            self.init(
                .authFailed,
                message: "the broker's certificate is for another host (\(error.description)): connect by a name that it "
                    + "has, or say which one to expect (--tls-server-name)",
                cause: error
            )
            return
        }
        guard let failure = TLSFailure(error) else { return nil }
        if failure.isEndOfConnection {
            self.init(
                .connectionClosed,
                message: "the connection ended during the TLS handshake: connect again",
                isRetryable: true,
                cause: error
            )
            return
        }
        switch failure.name {
        case "WRONG_VERSION_NUMBER":
            self.init(
                .protocolError,
                message: "the broker speaks no TLS there: connect without TLS, or to a listener that does",
                cause: error
            )
        case "CERTIFICATE_VERIFY_FAILED":
            self.init(.authFailed, message: Self.verdict(on: certificate), cause: error)
        case let name where failure.isAlert && Self.isAboutCertificates(name):
            self.init(
                .authFailed,
                message: "the broker asks for a client's certificate that it accepts, and got none (\(name)): show one "
                    + "from an authority that it knows (--tls-cert, --tls-key)",
                cause: error
            )
        case let name:
            self.init(.protocolError, message: "TLS failed: \(name)", cause: error)
        }
    }

    /// BoringSSL tells no more than that it refused the certificate.
    private static func verdict(on certificate: NIOSSLCertificate?) -> String {
        let now = time(nil)
        if let certificate, certificate.notValidAfter < now {
            return "the broker's certificate has expired: have its operator renew it"
        }
        if let certificate, certificate.notValidBefore > now {
            return "the broker's certificate is not valid yet: look at the clocks of both hosts"
        }
        return "the broker's certificate is from no authority that is trusted here: name the file of the one that signed "
            + "it (--tls-ca)"
    }

    /// Of TLS 1.2, the handshake as a whole is refused.
    private static func isAboutCertificates(_ alert: String) -> Bool {
        alert.contains("CERTIFICATE") || alert.contains("UNKNOWN_CA") || alert.contains("HANDSHAKE_FAILURE")
            || alert.contains("ACCESS_DENIED")
    }
}
