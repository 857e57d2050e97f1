internal import AgentBackend
internal import LocalBackend
internal import Sandbox
internal import Synchronization

/// What the entries of an org have in common, and what of it changes with the configuration. Safe to use from any
/// thread.
final class OrgShare: Sendable {
    /// The memory that they may use together.
    let budget: MemoryBudget
    /// Longest file that the file operations write.
    let fileSizeLimit: ByteLimit
    let temporary: TemporaryFileDirectory
    let threads: FileThreads
    /// What its workspaces hold.
    let usage: OrgUsage
    /// Whose its commands are.
    let tenant: CommandTenant
    let watchShare: WatchShare
    private let commandLimits: Shared<CommandTenant.Limits>
    private let edition = Atomic<UInt64>(0)

    init(
        _ org: Org,
        _ temporary: TemporaryFileDirectory,
        _ threads: FileThreads,
        _ usage: OrgUsage,
        _ watches: WatchTotal
    ) {
        self.usage = usage
        watchShare = WatchShare(org.limits.watch, of: watches)
        budget = MemoryBudget(allowed: UInt64(org.limits.maxMemoryBytes))
        fileSizeLimit = ByteLimit(UInt64(org.limits.maxFileBytes))
        self.temporary = temporary
        self.threads = threads
        let commandLimits = Shared(org.commands)
        self.commandLimits = commandLimits
        tenant = CommandTenant(name: "org-\(org.id)") { commandLimits.value }
    }

    /// What the org may use from now on.
    func update(_ org: Org) {
        budget.allow(UInt64(org.limits.maxMemoryBytes))
        fileSizeLimit.set(UInt64(org.limits.maxFileBytes))
        usage.allow(workspace: org.limits.workspaceQuota, org: org.limits.diskQuota)
        commandLimits.value = org.commands
        watchShare.update(org.limits.watch)
    }

    /// Entries that were made so far are not as one would be made now.
    func beginEdition() {
        edition.add(1, ordering: .relaxed)
    }

    var currentEdition: OrgEdition { OrgEdition(share: self, number: edition.load(ordering: .relaxed)) }

    fileprivate func isCurrent(_ number: UInt64) -> Bool { edition.load(ordering: .relaxed) == number }
}

/// A value that one part sets and others ask for. Safe to use from any thread.
private final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) {
        state = Mutex(value)
    }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// The configuration of its org that an entry was made by.
struct OrgEdition: Sendable {
    let share: OrgShare
    fileprivate let number: UInt64

    fileprivate init(share: OrgShare, number: UInt64) {
        self.share = share
        self.number = number
    }

    var isCurrent: Bool { share.isCurrent(number) }
}

extension OrgEdition: Equatable {
    static func == (left: OrgEdition, right: OrgEdition) -> Bool {
        left.share === right.share && left.number == right.number
    }
}

extension Org {
    /// Whether an entry of the one is like an entry of the other.
    func makesSameEntries(as other: Org) -> Bool {
        environment == other.environment
            && safety.preventsDangerous == other.safety.preventsDangerous
            && safety.allowPatterns == other.safety.allowPatterns
    }
}
