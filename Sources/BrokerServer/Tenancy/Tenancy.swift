package import AgentBackend
import Synchronization

/// Who may use this broker, and where their files are: the root directory with the orgs and tokens of the
/// configuration that counts now. Thread-safe.
package final class Tenancy: Sendable {
    /// What one configuration says. Immutable; a reload puts another in its place.
    package struct Snapshot: Sendable {
        package let orgs: OrgDirectory
        package let tokens: TokenDirectory
    }

    package let root: BrokerRoot
    private let identities: IdentityStore
    private let snapshot: Mutex<Snapshot>

    /// Gives every org its identity and its directories. Blocks on the file system.
    ///
    /// Throws `INVALID_CONFIGURATION` for a configuration that contradicts itself, or that this host cannot serve.
    package convenience init(_ configuration: BrokerConfiguration, root: BrokerRoot) throws(BackendError) {
        try self.init(configuration, root: root, accounts: .system)
    }

    init(_ configuration: BrokerConfiguration, root: BrokerRoot, accounts: HostAccounts) throws(BackendError) {
        self.root = root
        identities = IdentityStore(root: root, accounts: accounts)
        snapshot = Mutex(
            try Self.makeSnapshot(configuration, root: root, identities: identities, replacing: nil)
        )
    }

    /// What counts now. A caller that asks for several things takes it once.
    package var current: Snapshot { snapshot.withLock { $0 } }

    /// Who the token speaks for. Throws `AUTH_FAILED`; see ``TokenDirectory``. Does not block: for an event loop.
    package func authenticate(_ token: String) throws(BackendError) -> Principal {
        try current.tokens.authenticate(token)
    }

    /// The orgs and tokens of another configuration, for ``replace(with:)``; of the rest of it only what orgs take from
    /// it counts: limits that they do not set themselves, and the range of identities. Gives new orgs their identities
    /// and directories. Blocks on the file system; for one caller at a time. Throws as the initializer does.
    package func prepare(_ configuration: BrokerConfiguration) throws(BackendError) -> Snapshot {
        try Self.makeSnapshot(configuration, root: root, identities: identities, replacing: current.orgs)
    }

    /// Puts what was prepared last in the place of the present orgs and tokens.
    ///
    /// Connections that are open keep what they were given: ``TokenDirectory/renewed(_:)`` tells what is left of it.
    package func replace(with next: Snapshot) {
        snapshot.withLock { $0 = next }
    }

    private static func makeSnapshot(
        _ configuration: BrokerConfiguration,
        root: BrokerRoot,
        identities: IdentityStore,
        replacing previous: OrgDirectory?
    ) throws(BackendError) -> Snapshot {
        try configuration.validate()
        let hostIdentities = try identities.identities(
            of: configuration.orgs.map(\.name),
            from: configuration.identities.range
        )
        let orgs = try OrgDirectory(configuration, identities: hostIdentities, replacing: previous)
        for org in orgs.orgs { try root.prepare(org) }
        return Snapshot(orgs: orgs, tokens: TokenDirectory(configuration, orgs: orgs))
    }
}
