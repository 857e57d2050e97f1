internal import AgentBackend
internal import Foundation
internal import Glibc

/// An authority of a test's own that signs certificates, with openssl(1). Its files lie in a directory beneath /tmp.
///
/// Safe to share. ``remove()`` ends it.
package struct TestAuthority: Sendable {
    /// A certificate and its key, as files.
    package struct Certificate: Sendable {
        package let path: String
        package let key: String
    }

    private let directory: String

    package init() throws {
        directory = "/tmp/broker-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try openssl("req -x509 \(Self.newKey) -keyout ca.key -out ca.pem -days 30 -subj '/CN=test authority'")
    }

    /// Of the authority itself.
    package var path: String { "\(directory)/ca.pem" }

    /// Makes a certificate. One of this `name` that was made before is replaced, the key after the certificate.
    ///
    /// - Parameters:
    ///   - hosts: As openssl has them: `DNS:` and a name, `IP:` and an address.
    ///   - days: From now on; negative: it has expired.
    package func issue(
        _ name: String,
        hosts: String = "DNS:localhost,IP:127.0.0.1",
        days: Int = 30
    ) throws -> Certificate {
        try openssl(
            "req \(Self.newKey) -keyout new.key -out new.csr -subj '/CN=\(name)' -addext subjectAltName=\(hosts)"
        )
        try openssl(
            "x509 -req -in new.csr -CA ca.pem -CAkey ca.key -days \(days) -copy_extensions copy -out new.pem"
        )
        let certificate = Certificate(path: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
        rename("\(directory)/new.pem", certificate.path)
        rename("\(directory)/new.key", certificate.key)
        return certificate
    }

    package func remove() {
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    private func openssl(_ arguments: String) throws {
        guard system("cd '\(directory)' && openssl \(arguments) >log 2>&1") == 0 else {
            let log = FileManager.default.contents(atPath: "\(directory)/log") ?? Data()
            throw BackendError(.internal, message: "openssl \(arguments): \(String(decoding: log, as: UTF8.self))")
        }
    }
}
