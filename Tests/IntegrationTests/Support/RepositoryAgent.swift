import AgentBackend
import BrokerClient
import Foundation
import NIOCore
import Synchronization
import Testing

/// An agent with a workspace and a connection of its own.
final class RepositoryAgent: Sendable {
    let number: Int
    let org: String
    let key: String
    let connection: BrokerConnection
    /// A word that is in its workspace, in a file's name and in the environment of a process of its own, and nowhere
    /// else.
    let canary = "canary-\(UUID().uuidString)"
    /// A command that runs as long as the agent.
    private let resident = Mutex<CommandSession?>(nil)

    private static let clone = "repository"
    private static let canaryFile = "canary.txt"

    init(number: Int, org: String, key: String, connection: BrokerConnection) {
        self.number = number
        self.org = org
        self.key = key
        self.connection = connection
    }

    private var target: BrokerTarget { BrokerTarget(key: key) }

    @discardableResult
    private func shell(_ line: String, in directory: String = "") async throws -> String {
        let request = ExecRequest(
            .shellLine(Array(line.utf8)),
            environment: try environment(SourceRepository.environment),
            workingDirectory: try WorkspacePath(directory)
        )
        return String(buffer: try await connection.run(request, on: target).standardOutput)
    }

    private func environment(_ variables: [String: String]) throws -> Environment {
        var environment = Environment()
        for (name, value) in variables { try environment.set(Array(name.utf8), to: Array(value.utf8)) }
        return environment
    }
}

// MARK: Work

extension RepositoryAgent {
    /// Leaves its canary everywhere that another might look.
    func settle() async throws {
        try await connection.write(WorkspacePath(Self.canaryFile), ByteBuffer(string: canary), on: target)
        try await connection.write(WorkspacePath(canary), ByteBuffer(string: canary), on: target)
        let session = try connection.exec(
            ExecRequest(
                .shellLine(Array("echo $CANARY >/tmp/canary; echo $CANARY >/dev/shm/canary; echo here; cat".utf8)),
                environment: try environment(["CANARY": canary]),
                opensStandardInput: true
            ),
            on: target
        )
        resident.withLock { $0 = session }
        while let event = try await session.next() {
            if case .standardOutput(let bytes) = event, String(buffer: bytes) == "here\n" { return }
        }
        Issue.record("the resident command of agent \(number) ended")
    }

    /// Ends its resident command as the command expects it.
    func leave() async throws {
        let session = try #require(resident.withLock { $0 })
        session.closeInput()
        var end: ExecEnd.Outcome?
        while let event = try await session.next() {
            if case .ended(let ended) = event { end = ended.outcome }
        }
        #expect(end == .exited(code: 0))
    }

    func perform(_ work: AgentWork, on repository: SourceRepository) async throws {
        try await connection.write(WorkspacePath("sent.bundle"), ByteBuffer(bytes: repository.bundle), on: target)
        try await shell("git clone -q -b \(SourceRepository.branch) sent.bundle \(Self.clone)")
        for (path, contents) in work.written {
            try await connection.write(
                WorkspacePath("\(Self.clone)/\(path)"),
                ByteBuffer(bytes: contents),
                on: target
            )
        }
        try await connection.rm(WorkspacePath("\(Self.clone)/\(work.removed)"), on: target)
        try await shell(work.script, in: Self.clone)
    }

    /// Compares every file of the clone, and what git says of it.
    func check(_ expected: WorkingTree, after work: AgentWork) async throws {
        let paths = try await files(beneath: Self.clone, skipping: [".git"])
        #expect(Set(paths.keys) == Set(expected.files.keys))
        for (path, file) in expected.files {
            let isExecutable = try #require(paths[path]) & 0o111 != 0
            let contents = try await connection.read(WorkspacePath("\(Self.clone)/\(path)"), on: target)
            let isSame = contents.readableBytesView.elementsEqual(file.contents) && isExecutable == file.isExecutable
            #expect(isSame, "\(path) of agent \(number)")
        }
        #expect(try await shell("git rev-parse HEAD", in: Self.clone) == expected.commit)
        #expect(try await shell("git status --porcelain", in: Self.clone) == "")
        #expect(try await shell("git log -1 --format=%s", in: Self.clone) == "\(work.subject)\n")
        try await shell("git fsck --strict", in: Self.clone)
    }

    /// The permissions of every regular file, by path from `directory`.
    private func files(beneath directory: String, skipping: Set<String> = []) async throws -> [String: UInt32] {
        var files: [String: UInt32] = [:]
        var pending = [""]
        while let parent = pending.popLast() {
            let path = try WorkspacePath("\(directory)/\(parent)")
            for try await entry in connection.entries(of: path, withDetails: true, on: target) {
                let name = parent + String(decoding: entry.name, as: UTF8.self)
                let info = try #require(entry.info)
                switch info.kind {
                case .directory: if !skipping.contains(name) { pending.append("\(name)/") }
                case .regular: files[name] = info.permissions
                default: break
                }
            }
        }
        return files
    }
}

// MARK: Isolation

extension RepositoryAgent {
    /// Looks for what is another's by all ways that a path can be written, through files and through commands.
    func checkThatItCannotSee(_ other: RepositoryAgent, root: String) async throws {
        let directories = ["..", "../..", "/..", "/workspace/..", "\(root)/v1/orgs", "/proc/self/root\(root)/v1/orgs"]
        let names = directories.flatMap { ["\($0)/\(other.key)/", "\($0)/\(other.org)/\(other.key)/"] }
        for name in names + ["", "/workspace/"] {
            await checkThatNothingIsRead(at: "\(name)\(other.canary)")
        }
        let arguments = names.map { "'\($0)\(Self.canaryFile)'" }.joined(separator: " ")
        #expect(try await shell("cat \(arguments) 2>/dev/null || true") == "")
        #expect(try await shell("ls -A \(names.map { "'\($0)'" }.joined(separator: " ")) 2>/dev/null || true") == "")
        // A link that leads there is followed by the kernel, not by text.
        try await shell("ln -sfn '\(root)/v1/orgs/\(other.org)/\(other.key)' link-\(other.number)")
        await checkThatNothingIsRead(at: "link-\(other.number)/\(Self.canaryFile)")
    }

    /// Nor is it there at an equal key of its own org, which is its own.
    private func checkThatNothingIsRead(at text: String) async {
        do {
            let contents = try await connection.read(WorkspacePath(text), on: target)
            Issue.record("agent \(number) reads \(String(buffer: contents)) at \(text)")
        } catch {
            let isRefused = error.code == .pathEscapeAttempt || (error.code == .readFailed && error.reason == .notFound)
            #expect(isRefused, "\(text): \(error)")
        }
    }

    /// Nothing in its file system and no process is any other agent's.
    func checkThatItSeesOnlyItself() async throws {
        #expect(try await connection.read(WorkspacePath(Self.canaryFile), on: target) == ByteBuffer(string: canary))
        let found = try await shell(
            """
            { grep -raohE 'canary-[0-9A-F-]{36}' --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr \
                --exclude-dir=repository / 2>/dev/null
              ls -A /workspace | grep canary-
              cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -aoE 'canary-[0-9A-F-]{36}'
            } | sort -u
            """
        )
        #expect(found == "\(canary)\n")
        let processes = try await shell("cat /proc/[0-9]*/comm")
        // The sandbox's first process, the shell and the program itself.
        #expect(processes.split(separator: "\n").count <= 3, "\(processes)")
        let tree = try await files(beneath: "", skipping: [Self.clone])
        #expect(Set(tree.keys) == [Self.canaryFile, canary, "sent.bundle"])
    }
}
