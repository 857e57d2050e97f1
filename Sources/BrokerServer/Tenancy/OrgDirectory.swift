package import AgentBackend
internal import Sandbox

/// All orgs of one configuration. Immutable; a reload makes the next one from it.
package struct OrgDirectory: Sendable {
    /// In the order of the configuration.
    package let orgs: [Org]
    private let byName: [String: Org]
    /// The numbers of all names since the start of the broker, also of orgs that are gone: their entries may
    /// still be alive.
    private let numbers: [String: Org.ID]

    /// - Parameters:
    ///   - identities: of every org where the broker is privileged, else none.
    ///   - previous: the directory that this one replaces, whose numbers it keeps.
    ///
    /// Throws `INVALID_CONFIGURATION` as ``BrokerConfiguration/validate()`` does, and `INTERNAL` where identities
    /// are given but not for each org.
    package init(
        _ configuration: BrokerConfiguration,
        identities: [String: HostIdentity] = [:],
        replacing previous: OrgDirectory? = nil
    ) throws(BackendError) {
        try configuration.validate()
        var numbers = previous?.numbers ?? [:]
        var orgs: [Org] = []
        for org in configuration.orgs {
            if !identities.isEmpty, identities[org.name] == nil {
                throw BackendError(.internal, message: "the org \(org.name) has no host identity")
            }
            let id = numbers[org.name] ?? Org.ID(numbers.count)
            numbers[org.name] = id
            orgs.append(
                Org(
                    id: id,
                    name: org.name,
                    environment: org.env,
                    identity: identities[org.name],
                    limits: Org.Limits(org.limits, defaults: configuration),
                    retention: org.retention,
                    safety: CommandSafety(
                        preventsDangerous: org.exec.preventDangerous ?? configuration.exec.preventDangerous,
                        allowPatterns: org.exec.allowPatterns ?? configuration.exec.allowPatterns
                    ),
                    commands: CommandTenant.Limits(org.exec, defaults: configuration.exec)
                )
            )
        }
        self.orgs = orgs
        self.numbers = numbers
        byName = Dictionary(orgs.map { ($0.name, $0) }) { first, _ in first }
    }

    package subscript(name: String) -> Org? { byName[name] }
}
