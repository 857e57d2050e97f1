internal import AgentBackend
internal import BrokerWire
internal import Synchronization

/// The numbers of commands. Safe to use from any thread.
final class CommandNumbers: Sendable {
    /// Not from 1: who remembers a command of another broker is not to find one of this.
    private let last = Atomic<UInt64>(.random(in: 1...UInt64(UInt32.max)))

    /// Above all before it.
    func take() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}

/// A command that runs, of whichever connection. Safe to use from any thread.
final class LiveCommand: Sendable {
    let number: UInt64
    let entry: BackendEntry
    let scope: [UInt8]
    private let line: String
    private let command: any CommandExecution
    private let outputs: CommandOutputTally
    private let startedNanoseconds: Int64
    private let isInBackground: Bool

    fileprivate init(
        _ number: UInt64,
        _ command: any CommandExecution,
        line: String,
        isInBackground: Bool,
        in entry: BackendEntry,
        scope: [UInt8],
        outputs: CommandOutputTally,
        startedNanoseconds: Int64
    ) {
        self.number = number
        self.entry = entry
        self.scope = scope
        self.command = command
        self.outputs = outputs
        self.startedNanoseconds = startedNanoseconds
        self.isInBackground = isInBackground
        self.line = line
    }

    /// As it is now.
    var description: ListedCommand {
        var description = ListedCommand(
            number: number,
            org: entry.org.name,
            key: entry.key,
            backend: entry.backendType
        )
        description.scope = scope
        description.command = line
        description.isolation = command.isolation
        description.startedNanoseconds = startedNanoseconds
        description.written = outputs.counts
        description.isInBackground = isInBackground
        return description
    }

    /// Ends its whole tree at once. Recorded in the log of its entry.
    func kill() async throws(BackendError) {
        var record = OperationRecord(operation: KillCommand.name, subject: "\(number)")
        record.scope = WorkspacePath.printable(scope)
        let start = ContinuousClock.now
        defer {
            record.duration = start.duration(to: .now)
            entry.log.record(record, isModifying: true)
        }
        do throws(BackendError) {
            try await command.signal(9)
        } catch {
            record.failure = error.code
            throw error
        }
    }
}

/// All commands that run: bounded by the limits on commands. Safe to use from any thread.
final class LiveCommands: Sendable {
    private let commands = Mutex<[UInt64: LiveCommand]>([:])
    private let wallClock: @Sendable () -> Int64

    init(wallClock: @escaping @Sendable () -> Int64) {
        self.wallClock = wallClock
    }

    /// A command has started. ``ended(_:)`` has to follow.
    ///
    /// - Parameter line: See ``EntryLog/line(of:)``.
    func began(
        _ number: UInt64,
        _ command: any CommandExecution,
        line: String,
        isInBackground: Bool,
        in entry: BackendEntry,
        scope: [UInt8],
        outputs: CommandOutputTally
    ) {
        let live = LiveCommand(
            number,
            command,
            line: line,
            isInBackground: isInBackground,
            in: entry,
            scope: scope,
            outputs: outputs,
            startedNanoseconds: wallClock()
        )
        entry.commandsRunning.add(1, ordering: .relaxed)
        commands.withLock { $0[number] = live }
    }

    func ended(_ number: UInt64) {
        guard let command = commands.withLock({ $0.removeValue(forKey: number) }) else { return }
        command.entry.commandsRunning.subtract(1, ordering: .relaxed)
    }

    /// Nil: none of this number runs.
    subscript(number: UInt64) -> LiveCommand? { commands.withLock { $0[number] } }

    /// At most `limit` of those that `isListed` says, in the order in which they were started, and whether there are more.
    func list(
        after number: UInt64,
        limit: Int,
        where isListed: (LiveCommand) -> Bool
    ) -> (commands: [LiveCommand], isTruncated: Bool) {
        var selection = BoundedSelection<LiveCommand>(limit: limit) { $0.number < $1.number }
        for command in commands.withLock({ Array($0.values) }) where command.number > number && isListed(command) {
            selection.insert(command)
        }
        return (selection.sorted(), selection.isTruncated)
    }
}

extension EntryLog {
    /// What a command runs, as its records have it. It may be long work: not for a lock that others wait for.
    func line(of start: ExecStart) -> String {
        let whole = OperationRecord(operation: ExecStart.name, subject: WorkspacePath.printable(start.subject))
        return redacted(whole, environment: start.environment).withBoundedSubject().record.subject
    }
}
