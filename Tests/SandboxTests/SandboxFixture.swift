import AgentBackend
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Sandbox

/// All suites of this module, one after the other: some look at all descriptors and children of the process.
@Suite(.serialized) struct SandboxTests {}

/// A running runner and a workspace on disk, which belongs to whom commands run as.
///
/// With tests that run as root commands have an identity of their own, else they run as the tests' user.
struct SandboxFixture: Sendable {
    let runner: CommandRunner
    /// Of the workspace.
    let sandbox: WarmSandbox
    let identity: HostIdentity?
    /// Beneath a directory that others may enter but not list.
    let workspacePath: String
    let workspace: Int32

    /// Of this process alone: the kernel counts the processes of a user, of whichever tests they are.
    static let identityOfCommands: HostIdentity? = {
        let id = 300_000 + UInt32(getpid() % 100_000)
        return geteuid() == 0 ? HostIdentity(uid: id, gid: id) : nil
    }()

    /// The ids that a command has.
    static var uid: UInt32 { identityOfCommands?.uid ?? geteuid() }
    static var gid: UInt32 { identityOfCommands?.gid ?? getegid() }

    /// Runs `body` beside the runner, and removes everything after it.
    static func with(
        level: IsolationLevel = .bwrap,
        configuration: CommandRunner.Configuration = CommandRunner.Configuration(),
        clock: (any Clock<Duration>)? = nil,
        _ body: @Sendable (SandboxFixture) async throws -> Void
    ) async throws {
        let root = try makeRoot()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let path = root + "/workspace"
        try makeDirectory(path)
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let runner = try CommandRunner(level: level, configuration: configuration, clock: clock)
        let fixture = SandboxFixture(
            runner: runner,
            sandbox: WarmSandbox(runner, identity: identityOfCommands),
            identity: identityOfCommands,
            workspacePath: path,
            workspace: descriptor
        )
        try await withThrowingTaskGroup { group in
            group.addTask { try await runner.run() }
            do {
                try await body(fixture)
            } catch {
                group.cancelAll()
                throw error
            }
            runner.beginShutdown()
            try await group.waitForAll()
        }
    }

    /// A directory of whom commands run as.
    static func makeDirectory(_ path: String) throws {
        try #require(mkdir(path, 0o700) == 0)
        if let identityOfCommands {
            try #require(chown(path, identityOfCommands.uid, identityOfCommands.gid) == 0)
        }
    }

    /// A shell script in bubblewrap's stead. Returns its path, for whoever removes it.
    static func makeBubblewrap(_ script: String) throws -> String {
        let path = "/var/tmp/sandbox-tests-\(UUID().uuidString)"
        try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: false, encoding: .utf8)
        try #require(chmod(path, 0o755) == 0)
        return path
    }

    private static func makeRoot() throws -> String {
        var template = Array("/var/tmp/sandbox-tests-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(chmod(root, 0o711) == 0)
        return root
    }

    func path(_ name: String) -> String { workspacePath + "/" + name }

    /// A file that whom commands run as can read, and execute where `mode` says so.
    func write(_ text: String, to name: String, mode: mode_t = 0o644) throws {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
        try #require(chmod(path(name), mode) == 0)
    }

    func command(_ line: String) -> Command {
        Command(.shellLine(Array(line.utf8)), workspace: workspace)
    }

    func command(_ arguments: [String]) -> Command {
        Command(.arguments(arguments.map { Array($0.utf8) }), workspace: workspace)
    }

    func start(_ command: Command) async throws(BackendError) -> RunningCommand {
        try await sandbox.start(command)
    }

    /// Runs a command to its end.
    func run(_ command: Command) async throws -> Finished {
        try await Finished(start(command))
    }

    func run(_ line: String) async throws -> Finished {
        try await run(command(line))
    }
}

/// A command that ended, with all that it wrote.
struct Finished {
    let output: String
    let error: String
    let end: CommandEnd

    init(_ running: RunningCommand) async throws {
        async let output = running.readAll(.standardOutput)
        async let error = running.readAll(.standardError)
        (self.output, self.error) = try await (output, error)
        end = await running.waitForEnd()
    }

    var exitCode: UInt8? {
        if case .exited(let code) = end.outcome { code } else { nil }
    }

    var signal: Int32? {
        if case .signaled(let signal) = end.outcome { signal } else { nil }
    }

    var terminationCause: TerminationCause? {
        if case .terminated(let cause) = end.outcome { cause } else { nil }
    }
}

extension RunningCommand {
    func readAll(_ stream: CommandStream) async throws(BackendError) -> String {
        var all = ByteBuffer()
        while var bytes = try await readOutput(stream, upTo: 64 * 1024) { all.writeBuffer(&bytes) }
        return String(buffer: all)
    }

    /// Reads standard output up to and with a line's end.
    func readLine() async throws(BackendError) -> String {
        var line = ""
        while !line.hasSuffix("\n"), let bytes = try await readOutput(.standardOutput, upTo: 1) {
            line += String(buffer: bytes)
        }
        return line
    }
}

/// Processes as the host sees them.
enum Host {
    /// Those whose command line or environment has the marker.
    static func processes(with marker: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { name in
            guard Int(name) != nil, name != "\(getpid())" else { return false }
            return ["cmdline", "environ"].contains { file in
                FileManager.default.contents(atPath: "/proc/\(name)/\(file)")?.range(of: Data(marker.utf8)) != nil
            }
        }
    }

    static func parent(of process: pid_t) throws -> pid_t {
        let fields = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8).split(separator: " ")
        return try #require(pid_t(fields[3]))
    }

    /// Children of this process, with those that are dead and not reaped.
    static var children: [Substring] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.flatMap { task in
            let children = try? String(contentsOfFile: "/proc/self/task/\(task)/children", encoding: .utf8)
            return (children ?? "").split(separator: " ")
        }
    }

    /// Of this process, in the hierarchy of the memory controller.
    static var memoryGroup: String {
        let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
        let own = lines.first { $0.contains(":memory:") }?.split(separator: ":").last ?? ""
        return own == "/" ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup/memory\(own)"
    }

    /// Those that this process made.
    static var controlGroups: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: memoryGroup)) ?? []
        return names.filter { $0.hasPrefix("agent-broker-\(getpid())-") }
    }

    /// What an attack aims at, beside the workspace, as the commands' user.
    struct Outside {
        let directory: String
        let victim: pid_t
        private let process: Process
        private let port: UInt16
        private let shared: Int32

        init(beside fixture: SandboxFixture) throws {
            directory = fixture.workspacePath + "/../outside"
            try SandboxFixture.makeDirectory(directory)
            try "reached".write(toFile: directory + "/secret", atomically: false, encoding: .utf8)
            chown(directory + "/secret", SandboxFixture.uid, SandboxFixture.gid)
            // Of root's, who may make one.
            let setuid = fixture.path("setuid")
            try FileManager.default.copyItem(atPath: "/usr/bin/id", toPath: setuid)
            try #require(chown(setuid, 0, 0) == 0 && chmod(setuid, 0o4755) == 0)
            let program = """
                import os, socket, sys
                os.chdir(sys.argv[1])
                listeners = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket()]
                listeners[0].bind("socket")
                listeners[1].bind("\\0" + sys.argv[1])
                listeners[2].bind(("127.0.0.1", 0))
                for listener in listeners: listener.listen(9)
                print(listeners[2].getsockname()[1], flush=True)
                sys.stdin.read()
                """
            process = Self.process(["/usr/bin/python3", "-c", program, directory, "victim-reached"])
            process.environment = ["VALUE": "reached"]
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            var line = Data()
            while line.last != UInt8(ascii: "\n") {
                let bytes = output.fileHandleForReading.availableData
                try #require(!bytes.isEmpty)
                line += bytes
            }
            port = try #require(UInt16(String(decoding: line.dropLast(), as: UTF8.self)))
            victim = process.processIdentifier
            shared = shmget(key_t(IPC_PRIVATE), 64, Int32(IPC_CREAT) | 0o666)
        }

        var environment: Environment {
            get throws {
                try Environment(["OUTSIDE": directory, "VICTIM": "\(victim)", "PORT": "\(port)"])
            }
        }

        /// What a shell line writes that runs outside, in the workspace.
        func run(_ line: String, asRoot: Bool = false) throws -> String {
            let process = Self.process(["/bin/bash", "-c", line], asRoot: asRoot)
            process.currentDirectoryURL = URL(filePath: directory + "/../workspace")
            process.environment = [
                "OUTSIDE": directory, "VICTIM": "\(victim)", "PORT": "\(port)", "PATH": "/usr/bin:/bin",
            ]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return String(decoding: bytes, as: UTF8.self)
        }

        func end() {
            kill(victim, SIGKILL)
            process.waitUntilExit()
            shmctl(shared, IPC_RMID, nil)
        }

        /// As the commands' user, or as root.
        private static func process(_ arguments: [String], asRoot: Bool = false) -> Process {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/setpriv")
            let (uid, gid) = asRoot ? (0, 0) : (SandboxFixture.uid, SandboxFixture.gid)
            process.arguments = ["--reuid", "\(uid)", "--regid", "\(gid)", "--clear-groups"] + arguments
            return process
        }
    }

    static var openDescriptors: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count
    }
}

/// Throws what the error's code has to be, with a clear message where nothing was thrown.
func expectError(
    _ code: BackendError.Code,
    _ reason: BackendError.Reason? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("expected \(code), but nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as BackendError {
        #expect(error.code == code && error.reason == reason, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
}
