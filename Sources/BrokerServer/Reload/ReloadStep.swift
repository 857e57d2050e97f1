internal import AgentBackend

/// One part of the broker that goes over to another configuration while it runs.
///
/// All steps of a reload prepare before the first of them takes effect: what one refuses is refused as a whole.
struct ReloadStep: Sendable {
    /// Puts what was prepared in force. Cannot fail, and does not block.
    typealias Commit = @Sendable () -> Void

    /// It takes effect before anybody can speak for an org that is new.
    let precedesOrgs: Bool
    /// Checks the change and makes ready for it, without any effect. May block. Throws `INVALID_CONFIGURATION`.
    let prepare: @Sendable (ConfigurationChange) throws(BackendError) -> Commit

    init(
        precedesOrgs: Bool = false,
        _ prepare: @escaping @Sendable (ConfigurationChange) throws(BackendError) -> Commit
    ) {
        self.precedesOrgs = precedesOrgs
        self.prepare = prepare
    }
}

/// What a reload goes from, and to.
struct ConfigurationChange: Sendable {
    let old: BrokerConfiguration
    let new: BrokerConfiguration
    let oldOrgs: OrgDirectory
    let newOrgs: OrgDirectory

    /// Orgs that are in both, as they were and as they are to be.
    var keptOrgs: [(old: Org, new: Org)] {
        newOrgs.orgs.compactMap { org in oldOrgs[org.name].map { ($0, org) } }
    }

    var removedOrgs: [Org] { oldOrgs.orgs.filter { newOrgs[$0.name] == nil } }
}
