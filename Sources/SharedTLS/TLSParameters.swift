package import NIOSSL

/// What both sides ask of TLS.
package enum TLSParameters {
    /// Says in the handshake (ALPN) that this protocol is spoken, so that a port or a proxy can serve several.
    package static let applicationProtocol = "agentbroker/1"

    package static func apply(to configuration: inout TLSConfiguration) {
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = [applicationProtocol]
    }
}
