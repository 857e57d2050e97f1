internal import NIOSSL

/// What went wrong in TLS, by the name that BoringSSL gives it; the library tells it as text alone.
package struct TLSFailure: Error, Hashable, CustomStringConvertible {
    /// Such as `CERTIFICATE_VERIFY_FAILED`; an alert of the peer's has `_ALERT_` in it.
    package let name: String
    /// What the peer has against us.
    package var isAlert: Bool { name.contains("_ALERT_") }
    /// The connection ended in the middle of the handshake.
    package let isEndOfConnection: Bool

    /// Nil: no error of TLS.
    package init?(_ error: any Error) {
        let stack: NIOBoringSSLErrorStack
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let errors)), BoringSSLError.sslError(let errors): stack = errors
        case is NIOSSLError, is BoringSSLError: stack = []
        default: return nil
        }
        isEndOfConnection = stack == [.eofDuringHandshake]
        name = stack.first.map { Self.name(in: "\($0)") } ?? "\(error)"
    }

    package var description: String { name }

    /// Of "Error: … error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at …".
    private static func name(in text: String) -> String {
        guard let field = text.split(separator: ":").first(where: { $0.contains(" at ") }),
            let name = field.split(separator: " ").first
        else { return text }
        return String(name)
    }
}
