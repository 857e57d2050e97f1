internal import AgentBackend

/// What entries have in common that are made for the same org, of the same type and with the same configuration. Safe to
/// use from any thread.
final class EntryKind: Sendable {
    typealias CleanUp = @Sendable (BackendEntry) async -> Void

    let org: Org
    let configuration: EntryConfiguration
    /// Of every command.
    let environment: Environment
    /// Nil: such entries stay as they were made.
    let edition: OrgEdition?
    let log: EntryLog.Settings
    /// What is to be done at the end of an entry, unless it has no key and files.
    let cleanUp: CleanUp

    init(
        _ org: Org,
        _ configuration: EntryConfiguration,
        _ edition: OrgEdition?,
        _ log: OperationsLog,
        cleanUp: @escaping CleanUp
    ) {
        self.org = org
        self.configuration = configuration
        self.edition = edition
        self.cleanUp = cleanUp
        environment = org.environment.merging(configuration.environment)
        self.log = EntryLog.Settings(
            log,
            org: org.name,
            mode: configuration.logMode,
            environment: environment
        )
    }

    /// Whether an entry that is made with these is of this kind.
    func isOf(_ org: Org, _ edition: OrgEdition?, _ configuration: EntryConfiguration) -> Bool {
        self.org === org && self.edition == edition && self.configuration == configuration
    }
}
