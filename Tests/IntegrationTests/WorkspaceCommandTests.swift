import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// `keys`, `scopes` and `workspace`, and what is left of workspaces when a broker ends.
    @Suite
    struct WorkspaceCommandTests {
        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"], body)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func keysOfAMemoryBackend() async throws {
            try await withBroker { broker in
                for name in ["b", "a/y", "a/x"] {
                    let arguments = ["write", "--key", "k", "--backend", "memory", name]
                    _ = try await broker.client(arguments: arguments, input: Data(name.utf8))
                }
                #expect(try await broker.client("keys", "ls", "--key", "k").text == "a/x\na/y\nb\n")
                #expect(try await broker.client("--key", "k", "keys", "ls", "a/").text == "a/x\na/y\n")
                let json = try await broker.client("keys", "ls", "--key", "k", "--json", "b")
                #expect(json.text == "{\"key\":\"b\"}\n")
                let removed = try await broker.client("keys", "rm", "--key", "k", "--json", "a/x")
                #expect(removed.text == "{\"key\":\"a/x\",\"deleted\":true}\n")
                let again = try await broker.client("keys", "rm", "--key", "k", "--json", "a/x")
                #expect(again.status == 0 && again.text == "{\"key\":\"a/x\",\"deleted\":false}\n")
                let scoped = try await broker.client("keys", "clear", "--key", "k", "--scope", "a", "--json")
                #expect(scoped.text == "{\"cleared\":1}\n")
                #expect(try await broker.client("keys", "ls", "--key", "k").text == "b\n")
                let local = try await broker.client("keys", "ls", "--key", "k", "--backend", "local")
                #expect(local.status == 1 && local.errorText.contains("NOT_IMPLEMENTED"))
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func scopesOfAnEntry() async throws {
            try await withBroker { broker in
                #expect(try await broker.client("scopes", "--key", "k").text == "")
                for scope in ["b", "a/deep"] {
                    let arguments = ["write", "--key", "k", "--scope", scope, "file"]
                    _ = try await broker.client(arguments: arguments, input: Data("x".utf8))
                }
                #expect(try await broker.client("scopes", "--key", "k").text == "/workspace/a/deep\n/workspace/b\n")
                let json = try await broker.client("scopes", "--key", "k", "--json")
                #expect(json.text == "{\"path\":\"/workspace/a/deep\"}\n{\"path\":\"/workspace/b\"}\n")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func workspacesAreListedAndRemoved() async throws {
            try await withBroker { broker in
                for key in ["b", "a"] {
                    _ = try await broker.client("write", "--key", key, "dir/file", input: Data("x".utf8))
                }
                #expect(try await broker.client("workspace", "ls").text == "a\nb\n")
                let lines = try await broker.client("workspace", "ls", "--json").text.split(separator: "\n")
                let first = try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any]
                #expect(first?["key"] as? String == "a" && first?["live"] as? Bool == true)
                let age = Date().timeIntervalSince1970 - Double(first?["used_ns"] as? Int ?? 0) / 1e9
                #expect(age > -1 && age < 60)
                let long = try await broker.client("--json", "workspace", "rm", "a")
                #expect(long.text == "{\"key\":\"a\",\"deleted\":true}\n")
                #expect(try await broker.client("workspace", "rm", "--json", "a").text.contains("false"))
                #expect(try await broker.client("workspace", "ls").text == "b\n")
                #expect(!FileManager.default.fileExists(atPath: "\(broker.ready.root)/v1/orgs/default/a"))
                // Who deletes a workspace is in the operations log.
                while !broker.process.errorsSoFar.contains(#""operation":"delete_workspace""#) { await Task.yield() }

                let running = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["exec", "--key", "b", "--", "sleep 1000"],
                    environment: broker.environment()
                )
                while try await broker.client("stats").text.contains("execs_running 0\n") {}
                let inUse = try await broker.client("workspace", "rm", "b")
                #expect(inUse.status == 73 && inUse.errorText.contains("CONFLICT"))
                #expect(try await broker.client("workspace", "rm", "--force", "b").status == 0)
                let ended = try await running.exit()
                #expect(ended.status == 1 && ended.errorText.contains("BACKEND_DESTROYED"), "\(ended)")
                #expect(try await broker.client("workspace", "rm", "../b").status == 64)
            }
        }

        /// A rule that deletes what was not used for a day, and a mark from long ago.
        @Test(.timeLimit(.minutes(1)))
        func unusedWorkspacesGoByRule() async throws {
            try await withScratchDirectory { directory in
                let preamble = "retention: { interval: 100ms }\n"
                let orgs = try await OrgFile(orgs: ["acme"], in: directory, preamble: preamble)
                let rule = "    retention: { unused_for: 1d, keep: [\"prod-*\"] }\n"
                let file = try String(contentsOfFile: orgs.path, encoding: .utf8) + rule
                try file.write(toFile: orgs.path, atomically: true, encoding: .utf8)
                let arguments = ["--root", "\(directory)/root", "--config", orgs.path]
                try await withBrokerProcess(arguments) { broker in
                    for key in ["a", "b", "prod-1"] {
                        let write = ["write", "--key", key, "file"]
                        let token = orgs.tokens["acme"]
                        _ = try await broker.client(arguments: write, token: token, input: Data("x".utf8))
                    }
                }
                let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -100_000)]
                for key in ["a", "prod-1"] {
                    let mark = "\(directory)/root/state/used/acme/\(key)"
                    try FileManager.default.setAttributes(old, ofItemAtPath: mark)
                }
                try await withBrokerProcess(arguments) { broker in
                    let files = "\(directory)/root/v1/orgs/acme"
                    while FileManager.default.fileExists(atPath: "\(files)/a") { await Task.yield() }
                    let list = try await broker.client(arguments: ["workspace", "ls"], token: orgs.tokens["acme"])
                    #expect(list.text == "b\nprod-1\n")
                    while !broker.process.errorsSoFar.contains(#""operation":"expire_workspace""#) {
                        await Task.yield()
                    }
                }
            }
        }

        /// An upload that was under way when the broker was killed leaves nothing to the next one, and the file as it was.
        @Test(.timeLimit(.minutes(1)))
        func temporaryFilesOfAKilledBrokerAreSwept() async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root"]
                let org = "\(directory)/root/v1/orgs/default"
                func entries(_ name: String) -> [String] {
                    (try? FileManager.default.contentsOfDirectory(atPath: "\(org)/\(name)")) ?? []
                }
                let broker = try await BrokerProcess(arguments)
                _ = try await broker.client("write", "--key", "a", "file", input: Data("old".utf8))
                let input = Pipe()
                let upload = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["write", "--key", "a", "file"],
                    environment: broker.environment(),
                    inputPipe: input
                )
                try input.fileHandleForWriting.write(contentsOf: Data(repeating: 1, count: 1 << 20))
                while entries(".tmp").isEmpty { await Task.yield() }
                _ = try await broker.stop(SIGKILL)
                #expect(try await upload.exit().status == 69)
                try input.fileHandleForWriting.close()
                #expect(!entries(".tmp").isEmpty)
                try await withBrokerProcess(arguments) { next in
                    #expect(entries(".tmp").isEmpty)
                    let file = try await next.client("read", "--key", "a", "file")
                    #expect(file.text == "old")
                    while !entries(".trash").isEmpty { await Task.yield() }
                }
            }
        }

        /// The files of a key stay, those of an entry without one do not: whether the entry ended or the broker was
        /// killed.
        @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGKILL])
        func filesOutliveTheBrokerWhereTheyHaveAKey(signal: Int32) async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root"]
                let keyless = "\(directory)/root/v1/orgs/default/.keyless"
                func entries() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: keyless)) ?? [] }
                let broker = try await BrokerProcess(arguments)
                try await BrokerConnection.withConnection(
                    to: try BrokerAddress(broker.ready.wire),
                    token: broker.ready.token ?? ""
                ) { connection in
                    let path = try WorkspacePath("file")
                    let bytes = ByteBuffer(string: "x")
                    let first = try await connection.acquire(BrokerTarget(key: ""))
                    try await connection.write(path, bytes, on: first.target)
                    #expect(entries().count == 1)
                    try await connection.release(first)
                    while !entries().isEmpty { await Task.yield() }

                    try await connection.write(path, bytes, on: BrokerTarget(key: "a"))
                    let second = try await connection.acquire(BrokerTarget(key: ""))
                    try await connection.write(path, bytes, on: second.target)
                    #expect(entries().count == 1)
                    _ = try await broker.stop(signal)
                }
                #expect(entries().count == (signal == SIGKILL ? 1 : 0))
                try await withBrokerProcess(arguments) { next in
                    #expect(entries().isEmpty)
                    #expect(try await next.client("read", "--key", "a", "file").text == "x")
                    let trash = "\(directory)/root/v1/orgs/default/.trash"
                    while try FileManager.default.contentsOfDirectory(atPath: trash) != [] { await Task.yield() }
                }
            }
        }
    }
}
