internal import AgentBackend
internal import Glibc
internal import NIOSSL
internal import SharedTLS

extension BackendError {
    /// Nil: no error of TLS. `name`: of the broker that was asked for; nil: its address. `certificate`: the broker's,
    /// where it showed one.
    init?(ofTLS error: any Error, _ name: ServerName?, _ certificate: NIOSSLCertificate?) {
        if error as? NIOSSLExtraError == .failedToValidateHostname {
            self = .anotherHost(name)
            return
        }
        guard let failure = TLSFailure(error) else { return nil }
        if failure.isEndOfConnection {
            self.init(
                .connectionClosed,
                message: "the connection ended during the TLS handshake: connect again",
                isRetryable: true
            )
            return
        }
        let (code, message) = Self.meaning(of: failure, certificate)
        self.init(code, message: message, cause: failure)
    }

    static func anotherHost(_ name: ServerName?) -> BackendError {
        BackendError(
            .authFailed,
            message:
                "the broker's certificate is not for \(name?.text ?? "the broker's address"): connect by a name that it "
                + "has, or say which one to expect (--tls-server-name)"
        )
    }

    private static func meaning(of failure: TLSFailure, _ certificate: NIOSSLCertificate?) -> (Code, String) {
        let name = failure.name
        switch true {
        case name == "WRONG_VERSION_NUMBER":
            return (
                .protocolError, "the broker speaks no TLS there: connect without TLS, or to a listener that does"
            )
        case name == "CERTIFICATE_VERIFY_FAILED":
            return (.authFailed, verdict(on: certificate))
        // TLS 1.2 has no alert of its own for it.
        case name.hasSuffix("ALERT_CERTIFICATE_REQUIRED"), name.hasSuffix("ALERT_HANDSHAKE_FAILURE"):
            return (.authFailed, "the broker asks for a client's certificate: show one (--tls-cert, --tls-key)")
        case failure.isAlert && (name.contains("CERTIFICATE") || name.contains("UNKNOWN_CA")):
            return (
                .authFailed,
                "the broker does not accept the client's certificate: show one that is valid, from an authority that the "
                    + "broker knows (--tls-cert, --tls-key)"
            )
        default:
            return (.protocolError, "TLS failed: look whether the broker speaks it there")
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
        return
            "the broker's certificate is from no authority that is trusted here: name the file of the one that signed "
            + "it (--tls-ca)"
    }
}
