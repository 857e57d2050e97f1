import AgentBackend

/// Gives each org of a privileged broker a uid and gid of its own and remembers them in ROOT/state/identities.
///
/// Blocks; for one caller at a time. A file that is damaged, or missing although orgs have files, is an error:
/// to begin anew would give one org the uid that another's files belong to.
struct IdentityStore: Sendable {
    static let fileName = "identities"
    /// Some 200,000 orgs.
    private static let largestFile = 32 << 20

    let root: BrokerRoot
    let accounts: HostAccounts

    init(root: BrokerRoot, accounts: HostAccounts = .system) {
        self.root = root
        self.accounts = accounts
    }

    /// The identities of the orgs; new ones are on disk when this returns. None at all where the broker is
    /// unprivileged: everything runs as the broker itself.
    ///
    /// Throws `INVALID_CONFIGURATION` that says what to do for a file that cannot be trusted, a uid that the host
    /// has meanwhile given to somebody, and a range that is used up.
    func identities(
        of orgs: [String],
        from range: Range<UInt32>
    ) throws(BackendError) -> [String: HostIdentity] {
        guard root.isPrivileged else { return [:] }
        var table = try load()
        let known = table
        var identities: [String: HostIdentity] = [:]
        for org in orgs {
            if let identity = table.identity(of: org) {
                try refuseTaken(identity, org: org)
                try refuseMissing(identity.uid, org: org)
                identities[org] = identity
            } else {
                // Tells a range that lies outside altogether from one that is used up.
                try refuseMissing(range.lowerBound, org: org)
                identities[org] = try allocate(for: org, from: range, in: &table)
            }
        }
        if table != known { try save(table) }
        return identities
    }

    private func load() throws(BackendError) -> IdentityTable {
        let bytes = try SystemFailure.advising("make it readable to the broker") { () throws(SystemFailure) in
            try SmallFile.read(Self.fileName, in: root.state.raw, calling: path, atMost: Self.largestFile)
        }
        guard let bytes else {
            if try !root.orgNames().isEmpty { throw untrusted("is missing, although \(root.path)/v1/orgs holds files") }
            return IdentityTable()
        }
        do {
            return try IdentityTable(decoding: bytes)
        } catch {
            throw untrusted(error.message)
        }
    }

    private func save(_ table: IdentityTable) throws(BackendError) {
        let contents: [UInt8]
        do {
            contents = try table.encode()
        } catch {
            throw BackendError(.internal, message: "cannot encode the identities of the orgs", cause: error)
        }
        try SystemFailure.advising("make room in \(root.path)/state") { () throws(SystemFailure) in
            try SmallFile.replace(Self.fileName, in: root.state.raw, calling: path, with: contents)
        }
    }

    private func allocate(
        for org: String,
        from range: Range<UInt32>,
        in table: inout IdentityTable
    ) throws(BackendError) -> HostIdentity {
        let identity = table.allocate(for: org, from: range) { id in
            accounts.holder(of: id) != nil || !accounts.uids.contains(id) || !accounts.gids.contains(id)
        }
        if let identity { return identity }
        throw BackendError(
            .invalidConfiguration,
            message: "no uid is left for org \(org): of the \(range.count) from \(range.lowerBound) each is, or was, "
                + "that of another org, or is an account of the host; raise identities.count, or change "
                + "identities.first: orgs keep the uids they have",
            limit: LimitDetails(name: "identities", used: UInt64(range.count), allowed: UInt64(range.count))
        )
    }

    /// Somebody was given the number after the org had it: the two could reach each other's files and processes.
    private func refuseTaken(_ identity: HostIdentity, org: String) throws(BackendError) {
        guard let holder = accounts.holder(of: identity.uid) else { return }
        throw BackendError(
            .invalidConfiguration,
            message: "the id \(identity.uid) of org \(org) is also that of \(holder) on this host: give \(holder) "
                + "another one, or take the org out of the configuration"
        )
    }

    /// A container has but some of the numbers, and "root" in it can give files to no other.
    private func refuseMissing(_ id: UInt32, org: String) throws(BackendError) {
        guard !accounts.uids.contains(id) || !accounts.gids.contains(id) else { return }
        throw BackendError(
            .invalidConfiguration,
            message: "the id \(id) for org \(org) does not exist in this container (it has uids \(accounts.uids) and "
                + "gids \(accounts.gids)): set identities.first and identities.count to numbers that do, or give the "
                + "container more"
        )
    }

    private var path: String { "\(root.path)/state/\(Self.fileName)" }

    private func untrusted(_ fault: String) -> BackendError {
        BackendError(
            .invalidConfiguration,
            message: "\(path), which remembers the uid of each org, \(fault): restore it from a backup, or move "
                + "\(root.path)/v1 away and begin anew; a new file could give one org the files of another"
        )
    }
}
