/// How a command ended, and what it used. There is one when all that it wrote was read and nothing of it is left.
public struct ExecEnd: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        case exited(code: UInt32)
        /// A signal ended the program itself, and nobody had asked for the end of the command.
        case signaled(Int32)
        /// Its deadline passed and its tree was ended.
        case timedOut(after: Duration)
        /// The host or its memory limit ended it.
        case outOfMemory
        /// It wrote more than it might, in bytes, and its tree was ended.
        case outputLimit(UInt64)
        /// It made its workspace hold more on the disk than it may, in bytes, or more files, and its tree was ended.
        case diskQuota(UInt64)
        /// Its tree used more processor time than it might, and was ended.
        case cpuTimeLimit(Duration)
        /// The program made a file longer than it might, in bytes.
        case fileSizeLimit(UInt64)
        /// Ended by ``CommandExecution/terminate()``.
        case cancelled
        /// The broker ended it with itself.
        case shuttingDown
        /// The program was never executed.
        case spawnFailed(SpawnFailure)

        /// As a shell reports it: 128 + n for a program that signal n ended. Nil: it did not end by itself.
        public var exitCode: UInt32? {
            switch self {
            case .exited(let code): code
            case .signaled(let signal): 128 + UInt32(signal)
            case .timedOut, .outOfMemory, .outputLimit, .cpuTimeLimit, .fileSizeLimit, .diskQuota, .cancelled,
                .shuttingDown,
                .spawnFailed:
                nil
            }
        }

        /// As programs read it.
        package var name: String {
            switch self {
            case .exited: "exited"
            case .signaled: "signaled"
            case .timedOut: "timed_out"
            case .outOfMemory: "out_of_memory"
            case .outputLimit: "output_limit"
            case .cpuTimeLimit: "cpu_time_limit"
            case .fileSizeLimit: "file_size_limit"
            case .diskQuota: "disk_quota"
            case .cancelled: "cancelled"
            case .shuttingDown: "shutting_down"
            case .spawnFailed: "spawn_failed"
            }
        }
    }

    /// Times and sizes are zero where the isolation does not tell.
    public struct Usage: Sendable, Hashable {
        /// From the start to the end of the last process.
        public var wall: Duration
        /// Processor time of the tree.
        public var user: Duration
        public var system: Duration
        /// Of the largest process, in bytes.
        public var maximumResidentBytes: UInt64
        /// All that the tree wrote.
        public var standardOutputBytes: UInt64
        public var standardErrorBytes: UInt64

        public init(
            wall: Duration,
            user: Duration = .zero,
            system: Duration = .zero,
            maximumResidentBytes: UInt64 = 0,
            standardOutputBytes: UInt64 = 0,
            standardErrorBytes: UInt64 = 0
        ) {
            self.wall = wall
            self.user = user
            self.system = system
            self.maximumResidentBytes = maximumResidentBytes
            self.standardOutputBytes = standardOutputBytes
            self.standardErrorBytes = standardErrorBytes
        }
    }

    public var outcome: Outcome
    public var usage: Usage
    /// Nothing of its tree is left. False only at a level of isolation that cannot see to it.
    public var isTreeEmpty: Bool
    /// Processes that were there yet when the program itself ended, and were killed.
    public var lingeringProcesses: UInt32
    /// Something of its tree, or of another command of the backend at that time, could not start another process for a
    /// limit on them.
    public var reachedProcessLimit: Bool

    public init(
        outcome: Outcome,
        usage: Usage,
        isTreeEmpty: Bool = true,
        lingeringProcesses: UInt32 = 0,
        reachedProcessLimit: Bool = false
    ) {
        self.outcome = outcome
        self.usage = usage
        self.isTreeEmpty = isTreeEmpty
        self.lingeringProcesses = lingeringProcesses
        self.reachedProcessLimit = reachedProcessLimit
    }
}

/// Why a command's program was never executed. The raw values are those of `exec.proto`.
public struct SpawnFailure: Sendable, Hashable {
    public enum Kind: UInt32, Sendable {
        /// Another one, or one that only a newer broker knows.
        case other = 0
        case programNotFound = 1
        /// The program exists; what its first line, or its ELF header, names does not.
        case interpreterNotFound = 2
        case notExecutable = 3
        /// Arguments and environment together, or one of them.
        case argumentsTooLong = 4
        case workingDirectory = 5
        /// Of processes, memory or descriptors.
        case outOfResources = 6
        case sandbox = 7
    }

    /// What was being done.
    public enum Stage: UInt32, Sendable {
        case other = 0
        /// The sandbox was being made, or entered.
        case sandbox = 1
        /// The workspace was being bound.
        case workspace = 2
        case workingDirectory = 3
        /// Privileges were being given up, and limits set.
        case confinement = 4
        /// The program was being executed.
        case program = 5
    }

    public var kind: Kind
    /// errno(3) of the system call that failed, 0 where none did.
    public var systemErrno: Int32
    public var stage: Stage

    public init(kind: Kind, systemErrno: Int32, stage: Stage) {
        self.kind = kind
        self.systemErrno = systemErrno
        self.stage = stage
    }
}
