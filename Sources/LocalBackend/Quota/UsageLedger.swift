internal import AgentBackend

/// What an org's workspaces hold, and may hold: reserved before it is written, settled by what really happened.
///
/// What commands do is not told to it. A workspace in which one ran is counted anew; until then what the ledger has of it
/// is what it was before, with the changes since. A value without files, threads or clock.
struct UsageLedger: Sendable {
    typealias Workspace = UInt64

    /// What each workspace, and all of them together, may hold.
    struct Limits: Sendable, Hashable {
        var workspace: UsageAmount
        var org: UsageAmount
    }

    /// A limit that would be passed.
    struct Refusal: Error, Hashable {
        /// As errors name it.
        var limit: String
        /// What others have reserved included.
        var used: UInt64
        var asked: UInt64
        var allowed: UInt64
    }

    private struct Account {
        var usage = DiskUsage()
        /// For what is being written.
        var reserved = UsageAmount()
        var isCounted = false
        /// Commands may have changed something since it was counted.
        var isStale = false
        var commands = 0
        /// Operations that are changing what is there right now.
        var changing = 0
        var count: Count?
    }

    /// A count that goes on.
    private struct Count {
        /// Something was changed while it went on: it may have been met before or after.
        var isDisturbed: Bool
        /// By operations, since it began.
        var change = UsageChange()
    }

    var limits: Limits
    private var accounts: [Workspace: Account] = [:]
    private var lastWorkspace: Workspace = 0
    /// By all workspaces, without what is reserved.
    private(set) var used = UsageAmount()
    private var reserved = UsageAmount()

    init(_ limits: Limits) {
        self.limits = limits
    }

    // MARK: Workspaces

    /// One more workspace. What it holds is not known before it was counted.
    mutating func open() -> Workspace {
        lastWorkspace += 1
        accounts[lastWorkspace] = Account()
        return lastWorkspace
    }

    /// Its files are gone. What is told of it later means nothing any more.
    mutating func close(_ workspace: Workspace) {
        guard let account = accounts.removeValue(forKey: workspace) else { return }
        used = used - UsageAmount(account.usage)
        reserved = reserved - account.reserved
    }

    /// What it holds, as far as it is known; nil: there is no such workspace.
    func usage(of workspace: Workspace) -> DiskUsage? { accounts[workspace]?.usage }

    /// Whether that is known, and nothing but what was told has changed it since.
    func isExact(_ workspace: Workspace) -> Bool {
        accounts[workspace].map { $0.isCounted && !$0.isStale && $0.commands == 0 } ?? false
    }

    func isCounted(_ workspace: Workspace) -> Bool { accounts[workspace]?.isCounted ?? false }

    func hasCommands(in workspace: Workspace) -> Bool { (accounts[workspace]?.commands ?? 0) > 0 }

    /// Bytes or inodes are more than are allowed, whatever is reserved: of the workspace, or of all together.
    func isOver(in workspace: Workspace) -> Bool {
        guard let usage = accounts[workspace]?.usage else { return false }
        return UsageAmount(usage).exceeds(limits.workspace) || used.exceeds(limits.org)
    }

    /// What it may still reserve.
    func room(in workspace: Workspace) -> UsageAmount {
        guard let account = accounts[workspace] else { return UsageAmount() }
        let own = limits.workspace - (UsageAmount(account.usage) + account.reserved)
        let all = limits.org - (used + reserved)
        return UsageAmount(bytes: min(own.bytes, all.bytes), inodes: min(own.inodes, all.inodes))
    }

    // MARK: Operations

    /// Keeps room for what is to be written. Whoever gets it gives it back by ``release(_:of:)`` or
    /// ``end(_:by:releasing:)``. Of what none is asked for there may be too much already.
    mutating func reserve(_ asked: UsageAmount, of workspace: Workspace) throws(Refusal) {
        guard let account = accounts[workspace] else { return }
        let own = UsageAmount(account.usage) + account.reserved
        let all = used + reserved
        try Self.check("workspace_bytes", own.bytes, asked.bytes, limits.workspace.bytes)
        try Self.check("workspace_inodes", own.inodes, asked.inodes, limits.workspace.inodes)
        try Self.check("org_disk_bytes", all.bytes, asked.bytes, limits.org.bytes)
        try Self.check("org_disk_inodes", all.inodes, asked.inodes, limits.org.inodes)
        accounts[workspace]?.reserved = account.reserved + asked
        reserved = reserved + asked
    }

    private static func check(
        _ limit: String,
        _ used: UInt64,
        _ asked: UInt64,
        _ allowed: UInt64
    ) throws(Refusal) {
        guard asked > 0, used > allowed || asked > allowed - used else { return }
        throw Refusal(limit: limit, used: used, asked: asked, allowed: allowed)
    }

    mutating func release(_ amount: UsageAmount, of workspace: Workspace) {
        guard let account = accounts[workspace] else { return }
        let amount = UsageAmount(
            bytes: min(amount.bytes, account.reserved.bytes),
            inodes: min(amount.inodes, account.reserved.inodes)
        )
        accounts[workspace]?.reserved = account.reserved - amount
        reserved = reserved - amount
    }

    /// An operation is about to change what is there.
    mutating func begin(_ workspace: Workspace) {
        accounts[workspace]?.changing += 1
        accounts[workspace]?.count?.isDisturbed = true
    }

    /// It did; what it had reserved for that is given back.
    mutating func end(_ workspace: Workspace, by change: UsageChange, releasing amount: UsageAmount) {
        if !amount.isZero { release(amount, of: workspace) }
        guard var account = accounts[workspace] else { return }
        account.changing -= 1
        account.count?.change += change
        set(&account.usage) { $0.apply(change) }
        accounts[workspace] = account
    }

    private mutating func set(_ usage: inout DiskUsage, _ body: (inout DiskUsage) -> Void) {
        used = used - UsageAmount(usage)
        body(&usage)
        used = used + UsageAmount(usage)
    }

    // MARK: Commands

    /// A command is about to run in the workspace.
    mutating func commandBegan(in workspace: Workspace) {
        accounts[workspace]?.commands += 1
        accounts[workspace]?.isStale = true
        accounts[workspace]?.count?.isDisturbed = true
    }

    /// Nothing of it is left.
    mutating func commandEnded(in workspace: Workspace) {
        accounts[workspace]?.commands -= 1
        accounts[workspace]?.count?.isDisturbed = true
    }

    // MARK: Counting

    /// Somebody begins to count what is there, one at a time.
    mutating func beginCount(of workspace: Workspace) {
        guard let account = accounts[workspace] else { return }
        accounts[workspace]?.count = Count(isDisturbed: account.changing > 0 || account.commands > 0)
    }

    /// So much was there. What operations did meanwhile is added, whether it was met or not; then, and where commands ran,
    /// the workspace remains to be counted.
    mutating func endCount(of workspace: Workspace, _ counted: DiskUsage) {
        guard var account = accounts[workspace], let count = account.count else { return }
        set(&account.usage) { usage in
            usage = counted
            usage.apply(count.change)
        }
        account.isCounted = true
        account.isStale = count.isDisturbed
        account.count = nil
        accounts[workspace] = account
    }

    /// The count came to nothing.
    mutating func abandonCount(of workspace: Workspace) {
        accounts[workspace]?.count = nil
    }
}
