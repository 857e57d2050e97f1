package import AgentBackend
internal import Glibc
package import NIOSSL

/// A certificate with its chain, and its key: what a side of TLS shows.
package struct TLSIdentity: Sendable {
    /// The certificate itself first.
    package let chain: [NIOSSLCertificate]
    package let key: NIOSSLPrivateKey

    /// Reads them from files in PEM. Blocks. Throws `INVALID_CONFIGURATION` for what cannot be read, a key that others
    /// can read too, and a key of another certificate.
    package init(certificate certificatePath: String, key keyPath: String) throws(BackendError) {
        chain = try TLSFile.certificates(in: certificatePath)
        try TLSFile.checkIsPrivate(keyPath)
        key = try TLSFile.read(keyPath, what: "private key (one that needs no passphrase)") {
            try NIOSSLPrivateKey(file: keyPath, format: .pem)
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        apply(to: &configuration)
        do {
            _ = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFile.mistake("the key \(keyPath) is not that of the certificate \(certificatePath)")
        }
    }

    package func apply(to configuration: inout TLSConfiguration) {
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
    }
}

/// Files of certificates and keys.
package enum TLSFile {
    /// All certificates of a file in PEM: at least one. Blocks. Throws `INVALID_CONFIGURATION`.
    package static func certificates(in path: String) throws(BackendError) -> [NIOSSLCertificate] {
        let certificates = try read(path, what: "certificate") { try NIOSSLCertificate.fromPEMFile(path) }
        guard !certificates.isEmpty else { throw mistake("\(path) has no certificate in PEM") }
        return certificates
    }

    static func read<Value>(_ path: String, what: String, _ body: () throws -> Value) throws(BackendError) -> Value {
        guard access(path, R_OK) == 0 else { throw mistake("cannot read \(path): \(String(cString: strerror(errno)))") }
        do {
            return try body()
        } catch {
            throw mistake("\(path) has no \(what) in PEM")
        }
    }

    /// As PostgreSQL has it: a key is its owner's alone; one of root's may be readable by a group, such as `ssl-cert`.
    static func checkIsPrivate(_ path: String) throws(BackendError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw mistake("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        let forbidden: mode_t = status.st_uid == 0 ? 0o037 : 0o077
        guard status.st_mode & forbidden == 0 else {
            throw mistake("others can read or write the private key \(path): chmod 600 it, or 640 where it is root's")
        }
    }

    static func mistake(_ message: String) -> BackendError {
        BackendError(.invalidConfiguration, message: "TLS: \(message)")
    }
}
