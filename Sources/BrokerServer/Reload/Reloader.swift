internal import AgentBackend
internal import LocalBackend
internal import Logging

/// Takes a broker from the configuration that it runs by to the one that is in its file now: as a whole, or not at all.
struct Reloader: Sendable {
    /// What the broker makes of a configuration before it uses it.
    let complete: @Sendable (BrokerConfiguration) throws(BackendError) -> BrokerConfiguration
    let running: RunningConfiguration
    let tenancy: Tenancy
    let connections: ConnectionTable
    let threads: FileThreads
    /// Reads the files of certificates, before anything is made for orgs: they may be refused.
    let certificates: @Sendable (BrokerConfiguration.TLS) throws(BackendError) -> ReloadStep.Commit
    /// In the order in which they take effect.
    let steps: [ReloadStep]
    let logger: Logger

    private struct Prepared: Sendable {
        let reading: ConfigurationSource.Reading
        let configuration: BrokerConfiguration
        let tenants: Tenancy.Snapshot
        /// Of steps that precede the orgs.
        let commitsBeforeOrgs: [ReloadStep.Commit]
        let commits: [ReloadStep.Commit]
    }

    /// For one caller at a time. Returns once every call that comes later meets the new configuration. Throws
    /// `INVALID_CONFIGURATION`, and nothing has changed then. `reading`: the last one that took effect; nil: the broker
    /// was started without a file.
    func reload(_ reading: inout ConfigurationSource.Reading?) async throws(BackendError) -> ReloadOutcome {
        let previous = reading
        let prepared = try await threads.run { () throws(BackendError) in try prepare(replacing: previous) }
        let differences = running.current.differences(to: prepared.configuration)
        for commit in prepared.commitsBeforeOrgs { commit() }
        tenancy.replace(with: prepared.tenants)
        running.replace(with: prepared.configuration)
        for commit in prepared.commits { commit() }
        reading = prepared.reading
        let ended = await connections.renew(
            by: prepared.tenants.tokens,
            maximumCallsInFlight: prepared.configuration.limits.maxCallsInFlightPerConnection
        )
        logger.notice(
            "reloaded the configuration",
            metadata: [
                "changes": "\(differences.map(\.description).joined(separator: ", "))", "connections_ended": "\(ended)",
            ]
        )
        return ReloadOutcome(differences: differences, connectionsEnded: ended)
    }

    private func prepare(replacing previous: ConfigurationSource.Reading?) throws(BackendError) -> Prepared {
        guard let previous else {
            throw BackendError(
                .invalidConfiguration,
                message: "the broker was started without a configuration file, so there is none to read again: start "
                    + "it with --config"
            )
        }
        let reading = try previous.again()
        let configuration = try complete(reading.configuration)
        let useCertificates = try certificates(configuration.tls)
        let tenants = try tenancy.prepare(configuration)
        let change = ConfigurationChange(
            old: running.current,
            new: configuration,
            oldOrgs: tenancy.current.orgs,
            newOrgs: tenants.orgs
        )
        var (commitsBeforeOrgs, commits) = ([ReloadStep.Commit](), [useCertificates])
        for step in steps {
            let commit = try step.prepare(change)
            if step.precedesOrgs { commitsBeforeOrgs.append(commit) } else { commits.append(commit) }
        }
        return Prepared(
            reading: reading,
            configuration: configuration,
            tenants: tenants,
            commitsBeforeOrgs: commitsBeforeOrgs,
            commits: commits
        )
    }
}
