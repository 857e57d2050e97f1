internal import AgentBackend
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import SharedTLS
internal import Synchronization

/// The certificate that listeners show, and whose certificates they accept. Safe to use from any thread.
///
/// A connection keeps what counted when it was accepted.
final class ServerTLS: Sendable {
    private struct State {
        var settings: BrokerConfiguration.TLS
        var context: NIOSSLContext
    }

    private let state: Mutex<State>
    private let logger: Logger

    /// Nil: there is no certificate, so TLS is not spoken. Blocks on files. Throws `INVALID_CONFIGURATION`.
    init?(_ settings: BrokerConfiguration.TLS, logger: Logger) throws(BackendError) {
        guard let material = try Self.load(settings) else { return nil }
        state = Mutex(State(settings: settings, context: material.context))
        self.logger = logger
        log(material)
    }

    /// For a connection that comes now.
    var current: NIOSSLContext { state.withLock { $0.context } }

    /// Reads the files of certificates and keys again, for the connections that come from now on. Blocks on files.
    /// Throws `INVALID_CONFIGURATION`, with file and reason, and then nothing has changed.
    func reloadCertificates() throws(BackendError) {
        try prepare(state.withLock { $0.settings })()
    }

    /// Reads the files that `settings` name, and returns what puts them in force, which cannot fail. Blocks on files.
    /// Throws `INVALID_CONFIGURATION`; so does a change to no certificate at all, for the listeners stay.
    func prepare(_ settings: BrokerConfiguration.TLS) throws(BackendError) -> @Sendable () -> Void {
        guard let material = try Self.load(settings) else {
            throw BackendError(
                .invalidConfiguration,
                message: "tls.cert: the listeners speak TLS until the broker is started again: leave the certificate"
            )
        }
        return { [self] in
            state.withLock { $0 = State(settings: settings, context: material.context) }
            log(material)
        }
    }

    private struct Material: Sendable {
        let context: NIOSSLContext
        let certificate: NIOSSLCertificate?
    }

    private static func load(_ settings: BrokerConfiguration.TLS) throws(BackendError) -> Material? {
        guard let certificate = settings.certificate, let key = settings.key else { return nil }
        let identity = try TLSIdentity(certificate: certificate, key: key)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [],
            privateKey: .privateKey(identity.key)
        )
        identity.apply(to: &configuration)
        TLSParameters.apply(to: &configuration)
        // As long as a connection without TLS waits for its peer to close.
        configuration.shutdownTimeout = .seconds(1)
        if let authorities = settings.clientAuthorities {
            configuration.trustRoots = .certificates(try TLSFile.certificates(in: authorities))
            configuration.certificateVerification = .noHostnameVerification
            configuration.sendCANameList = true
        }
        do {
            return Material(context: try NIOSSLContext(configuration: configuration), certificate: identity.chain.first)
        } catch {
            throw BackendError(.invalidConfiguration, message: "TLS: \(certificate) cannot be used", cause: error)
        }
    }

    private func log(_ material: Material) {
        guard let certificate = material.certificate else { return }
        let secondsLeft = certificate.notValidAfter - time(nil)
        if secondsLeft <= 0 {
            logger.warning("the TLS certificate has expired: clients refuse it", metadata: ["is": "\(certificate)"])
        } else {
            logger.info(
                "TLS certificate",
                metadata: ["is": "\(certificate)", "days_left": "\(secondsLeft / 86_400)"]
            )
        }
    }
}
