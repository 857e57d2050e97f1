public import AgentBackend
internal import BrokerWire

/// A pooled entry of a broker, as it is at one moment.
public struct BrokerEntryInfo: Sendable, Hashable {
    public enum State: String, Sendable, Hashable {
        /// It waits for room: the org, or the broker, has as many entries as it may.
        case waiting
        case creating
        /// A lease is held, be it by a call or by a command that runs.
        case leased
        case idle
    }

    /// Its place in the pool; another entry may have it later.
    public var number: UInt64
    public var org: String
    /// Empty: it has none.
    public var key: String
    public var backend: BackendType
    public var state: State
    public var leases: UInt32
    /// Acquires that wait for it.
    public var waiters: UInt32
    /// Since it was made.
    public var age: Duration
    /// Since the last lease ended; zero while one is held.
    public var idle: Duration
    public var commandsRunning: UInt32
    /// What its files take, as far as the broker knows without looking.
    public var bytes: UInt64
}

/// A command that runs on a broker, as it is at one moment.
public struct BrokerCommandInfo: Sendable, Hashable {
    /// Counts up. Of one in the background: its id.
    public var number: UInt64
    public var org: String
    public var key: String
    public var backend: BackendType
    /// That it was started in, within the entry.
    public var scope: [UInt8]
    /// Without the values of its environment; at most 1024 bytes.
    public var command: String
    public var isolation: String
    /// Nanoseconds since 1970-01-01 UTC.
    public var startedNanoseconds: Int64
    /// What it has written so far.
    public var written: StreamOffsets
    /// ``BrokerConnection/follow(_:in:from:call:)`` reads what it writes.
    public var isInBackground: Bool
}

/// What a broker holds and runs, by org, and how it is ended from outside. An operator's token reaches every org; one of
/// an org its own alone, and there the keys that it may use.
extension BrokerConnection {
    /// The pooled entries: those of an org; nil: of the token's, or, for an operator's, of all. A page at a time as they are
    /// asked for. Throws as ``stats(of:call:)``.
    public func entries(
        of org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> BrokerPages<BrokerEntryInfo> {
        BrokerPages(operation: "list_entries") { [self] last throws(BackendError) in
            let call = UnaryCall.entries(of: org ?? "", after: last?.number ?? 0)
            let page = try await perform(call, on: nil, call: options)
            return PageCursor.Page(elements: page.entries.map(BrokerEntryInfo.init), isTruncated: page.isTruncated)
        }
    }

    /// The commands that run, in the foreground of whichever connection and in the background, in the order in which they
    /// were started. `org` and errors as of ``entries(of:call:)``.
    public func commands(
        of org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> BrokerPages<BrokerCommandInfo> {
        BrokerPages(operation: "list_commands") { [self] last throws(BackendError) in
            let call = UnaryCall.commands(of: org ?? "", after: last?.number ?? 0)
            let page = try await perform(call, on: nil, call: options)
            return PageCursor.Page(elements: page.commands.map(BrokerCommandInfo.init), isTruncated: page.isTruncated)
        }
    }

    /// Ends the whole tree of a command by SIGKILL, whoever started it. `org`: nil: the token's. Throws `NOT_FOUND` where
    /// none of this number runs in the org, or in a key that the token may use.
    public func killCommand(
        _ number: UInt64,
        in org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.killCommand(number, org ?? ""), on: nil, call: options)
    }

    /// Destroys an entry now, with what goes on in it. The files of a workspace stay; what a memory entry holds is lost.
    /// `org`: nil: the token's. Throws `NOT_FOUND` where the key has no entry.
    public func destroyEntry(
        _ key: String,
        _ backend: BackendType = .localFilesystem,
        in org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.destroyEntry(key, backend, org ?? ""), on: nil, call: options)
    }

    /// Reads what a command in the background writes, and wrote, from these offsets on, whichever its key. Throws as
    /// ``killCommand(_:in:call:)``.
    public func follow(
        _ number: UInt64,
        in org: String,
        from offsets: StreamOffsets = .beginning,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BackgroundOutput {
        let attach = Operation.execAttach(ExecAttach(exec: number, offsets: offsets, org: org))
        return try await BackgroundOutput(try start(CallRequest(attach, on: nil, options: options)), from: offsets)
    }
}

extension BrokerEntryInfo {
    fileprivate init(_ entry: ListedEntry) {
        let state: State =
            switch entry.state {
            case .waiting: .waiting
            case .creating: .creating
            case .leased: .leased
            case .idle: .idle
            }
        self.init(
            number: entry.number,
            org: entry.org,
            key: entry.key,
            backend: entry.backend,
            state: state,
            leases: entry.leases,
            waiters: entry.waiters,
            age: entry.age,
            idle: entry.idle,
            commandsRunning: entry.commandsRunning,
            bytes: entry.bytes
        )
    }
}

extension BrokerCommandInfo {
    fileprivate init(_ command: ListedCommand) {
        self.init(
            number: command.number,
            org: command.org,
            key: command.key,
            backend: command.backend,
            scope: command.scope,
            command: command.command,
            isolation: command.isolation,
            startedNanoseconds: command.startedNanoseconds,
            written: command.written,
            isInBackground: command.isInBackground
        )
    }
}
