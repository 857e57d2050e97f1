internal import AgentBackend

/// The audit log of a broker as files, for those who read them: a broker need not run. All calls block. A value.
package struct AuditFiles: Sendable {
    static let orgs = "orgs"
    /// Stands in the place of an org for what is nobody's: tokens that are not known. No org can be called that.
    package static let brokersOwn = "_broker"
    /// Beneath a broker's root.
    package static let directoryName = "audit"

    let directory: AuditDirectory

    /// `path`: that of the log.
    package init(path: String) {
        directory = AuditDirectory(path: path)
    }

    /// Those that have a log, sorted by name; ``brokersOwn`` among them.
    package func orgs() throws(AuditFault) -> [String] {
        try directory.subdirectory(Self.orgs).names().filter(Self.isLog)
    }

    static func isLog(_ name: String) -> Bool { name == brokersOwn || Name.isValid(name.utf8) }

    /// Of the key that signs. Nil: there is none.
    package func publicKey() throws(AuditFault) -> AuditPublicKey? {
        guard try directory.names().contains(AuditSigningKey.fileName) else { return nil }
        return try AuditSigningKey.load(in: directory).publicKey
    }

    func org(_ name: String) -> AuditDirectory { directory.subdirectory(Self.orgs).subdirectory(name) }
}
