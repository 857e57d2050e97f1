package import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// What one workspace holds, as its org's ledger has it. Shared by all backends of the workspace. Safe to use from any
/// thread.
package final class WorkspaceUsage: Sendable {
    private let ledger: SharedUsageLedger
    private let id: UsageLedger.Workspace
    /// What the ledger says of it, for a look without the lock.
    private let exact = Atomic<Bool>(false)
    /// Free on its file system when it was counted last.
    private let free = Mutex(UsageAmount())
    /// Counts of it: one at a time.
    let counts = SharedWork()
    private let watch = Mutex(Watch())
    /// Told when a command begins.
    private let watcher: CommandWatch

    /// The backends whose commands may run in it.
    private struct Watch {
        var backends: [ObjectIdentifier: LocalFilesystemBackend] = [:]
        /// What it held when it was found to be too much; the least since.
        var excess: UsageAmount?
    }

    init(in ledger: SharedUsageLedger, _ id: UsageLedger.Workspace, _ watcher: CommandWatch) {
        self.ledger = ledger
        self.watcher = watcher
        self.id = id
    }

    deinit {
        close()
    }

    /// Its files are gone. Idempotent.
    package func close() {
        ledger.withLock { $0.close(id) }
    }

    // MARK: What it holds

    /// All of it is known: no command has run since it was counted, or the last count was not disturbed.
    var isExact: Bool { exact.load(ordering: .relaxed) }

    /// Nil: it has to be counted first.
    var exactUsage: DiskUsage? { ledger.withLock { $0.isExact(id) ? $0.usage(of: id) : nil } }

    /// As far as it is known.
    package var usage: DiskUsage { ledger.withLock { $0.usage(of: id) } ?? DiskUsage() }

    /// What it may still hold.
    var room: UsageAmount { ledger.withLock { $0.room(in: id) } }

    // MARK: Operations

    func reserve(
        _ needed: UsageAmount,
        replacing replaced: () -> UsageAmount = { UsageAmount() }
    ) throws(DirectoryAccess.Failure) -> UsageReservation {
        let reservation = UsageReservation(of: self)
        try reservation.grow(to: needed, replacing: replaced)
        return reservation
    }

    func take(_ asked: UsageAmount) throws(DirectoryAccess.Failure) {
        do throws(UsageLedger.Refusal) {
            try ledger.withLock { ledger throws(UsageLedger.Refusal) in try ledger.reserve(asked, of: id) }
        } catch {
            throw .overQuota(error)
        }
    }

    func release(_ amount: UsageAmount) {
        guard !amount.isZero else { return }
        ledger.withLock { $0.release(amount, of: id) }
    }

    /// Runs what changes what is there, and says how. Also what it did before it failed counts.
    ///
    /// - Parameter reservation: What was reserved for it; given back where it changed something.
    func change<Value>(
        _ reservation: UsageReservation?,
        _ body: (inout UsageChange) throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        ledger.withLock { $0.begin(id) }
        var change = UsageChange()
        do throws(DirectoryAccess.Failure) {
            let value = try body(&change)
            end(change, releasing: change == UsageChange() ? UsageAmount() : reservation?.takeAll() ?? UsageAmount())
            return value
        } catch {
            end(change, releasing: UsageAmount())
            throw error
        }
    }

    private func end(_ change: UsageChange, releasing amount: UsageAmount) {
        ledger.withLock { $0.end(id, by: change, releasing: amount) }
    }

    // MARK: Commands

    /// A command of the backend is about to run.
    func commandBegan(of backend: LocalFilesystemBackend) {
        ledger.withLock { ledger in
            ledger.commandBegan(in: id)
            exact.store(false, ordering: .relaxed)
        }
        watch.withLock { $0.backends[ObjectIdentifier(backend.running)] = backend }
        watcher.add(self)
    }

    var hasCommands: Bool { ledger.withLock { $0.hasCommands(in: id) } }

    /// Looks after its commands, once in a while: where the file system lost what may matter, it is counted; where there is
    /// too much, and more than at the last look, they are ended. False: none is left.
    func look() async -> Bool {
        let backends = watch.withLock { Array($0.backends.values) }
        for backend in backends { backend.running.forgetEnded() }
        guard let backend = backends.first, hasCommands else {
            return hasCommands
        }
        guard await !backend.isKnownWellEnough() else { return true }
        // Where it fails the files are gone, and soon the commands with them.
        try? await backend.countUsage()
        if hasGrownTooMuch() {
            for backend in backends { backend.running.terminate(overDiskQuota: limit) }
        }
        return true
    }

    private func hasGrownTooMuch() -> Bool {
        let (present, isOver) = ledger.withLock { ledger in
            (ledger.usage(of: id).map { UsageAmount($0) } ?? UsageAmount(), ledger.isOver(in: id))
        }
        return watch.withLock { watch in
            guard isOver else {
                watch.excess = nil
                return false
            }
            let earlier = watch.excess ?? present
            watch.excess = UsageAmount(
                bytes: min(earlier.bytes, present.bytes),
                inodes: min(earlier.inodes, present.inodes)
            )
            return present.exceeds(earlier)
        }
    }

    /// Bytes that it may hold.
    private var limit: UInt64 { ledger.withLock { min($0.limits.workspace.bytes, $0.limits.org.bytes) } }

    /// Nothing of it is left. After the last one no backend is referred to any more, which refers to this.
    func commandEnded() {
        let isLast = ledger.withLock { ledger in
            ledger.commandEnded(in: id)
            return !ledger.hasCommands(in: id)
        }
        guard isLast else { return }
        watch.withLock { watch in
            // One may have begun just now.
            if !hasCommands { watch = Watch() }
        }
    }

    // MARK: Counting

    func beginCount(on root: FileDescriptorHandle) {
        let present = root.freeSpace
        free.withLock { $0 = present ?? UsageAmount() }
        ledger.withLock { $0.beginCount(of: id) }
    }

    func endCount(_ counted: DiskUsage) {
        ledger.withLock { ledger in
            ledger.endCount(of: id, counted)
            exact.store(ledger.isExact(id), ordering: .relaxed)
        }
    }

    func abandonCount() {
        ledger.withLock { $0.abandonCount(of: id) }
    }

    /// Whether what is known of it will do, although commands may have changed something since: as much as the file system
    /// lost since then would fit twice, and some more.
    func isGoodEnough(on root: FileDescriptorHandle) -> Bool {
        let (isCounted, room, limit) = ledger.withLock { ledger in
            (ledger.isCounted(id), ledger.room(in: id), ledger.limits.workspace)
        }
        guard isCounted, let present = root.freeSpace else { return false }
        let lost = free.withLock { $0 } - present
        func fits(_ amount: KeyPath<UsageAmount, UInt64>) -> Bool {
            room[keyPath: amount] / 2 >= lost[keyPath: amount] + limit[keyPath: amount] / 16
        }
        return fits(\.bytes) && fits(\.inodes)
    }

    /// Whether it was counted at all.
    var isCounted: Bool { ledger.withLock { $0.isCounted(id) } }
}

extension WorkspaceUsage? {
    /// As ``WorkspaceUsage/change(_:_:)``; nil: nobody counts.
    func change<Value>(
        from reservation: UsageReservation? = nil,
        _ body: (inout UsageChange) throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        guard let self else {
            var change = UsageChange()
            return try body(&change)
        }
        return try self.change(reservation, body)
    }
}

extension FileDescriptorHandle {
    /// Of the file system that it is on. Nil: it does not tell.
    fileprivate var freeSpace: UsageAmount? {
        var status = Glibc.statvfs()
        guard fstatvfs(number, &status) == 0 else { return nil }
        return UsageAmount(bytes: UInt64(status.f_bfree) &* UInt64(status.f_frsize), inodes: UInt64(status.f_ffree))
    }
}
