import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// What the command says and exits with where something is wrong.
    @Suite
    struct CommandFailureTests {
        @Test(.timeLimit(.minutes(1)))
        func exitStatusTellsWhatFailed() async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"]) { broker in
                    let missing = try await broker.client("read", "--key", "a", "--json", "nothing")
                    #expect(missing.status == 1)
                    let error = try JSONSerialization.jsonObject(with: missing.errors) as? [String: Any]
                    #expect(error?["code"] as? String == "READ_FAILED")
                    #expect(error?["reason"] as? String == "NOT_FOUND")

                    let stranger = "ab_0123456789abcdef_\(String(repeating: "0", count: 64))"
                    #expect(try await broker.client("ls", "--key", "a", token: stranger).status == 77)
                    #expect(try await broker.client("ls", "--key", "a", token: "nonsense").status == 77)

                    #expect(try await broker.client("ls").status == 64)
                    #expect(try await broker.client("ls", "--key", "../b").status == 64)
                    #expect(try await broker.client("read", "--key", "a").status == 64)
                    #expect(try await broker.client("exec", "--key", "a").status == 64)
                    #expect(try await broker.client("no-such-command").status == 64)
                    #expect(try await broker.client("read", "--key", "a", "../../etc/passwd").status == 1)

                    let nobody = try await broker.client("--address", "unix:\(directory)/nobody", "ls", "--key", "a")
                    #expect(nobody.status == 69, "\(nobody)")
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func narrowTokensStayNarrow() async throws {
            try await withScratchDirectory { directory in
                let narrow = ["reader": "read_only: true", "team": "keys: [\"team-*\"]"]
                let orgs = try await OrgFile(orgs: ["reader", "team"], in: directory, additions: narrow)
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    let reader = try #require(orgs.tokens["reader"])
                    let nothing = try await broker.client("ls", "--key", "a", token: reader)
                    #expect(nothing.status == 1)
                    #expect(nothing.errorText.contains("a read-only token makes none"), "\(nothing)")
                    #expect(try await broker.client("write", "--key", "a", "file", token: reader).status == 77)
                    #expect(try await broker.client("rm", "--key", "a", "-f", "file", token: reader).status == 77)
                    #expect(try await broker.client("exec", "--key", "a", "--", "id", token: reader).status == 77)

                    let team = try #require(orgs.tokens["team"])
                    #expect(try await broker.client("write", "--key", "team-1", "file", token: team).status == 0)
                    #expect(try await broker.client("write", "--key", "other", "file", token: team).status == 77)
                    #expect(try await broker.client("ls", "--key", "team-1", token: team).text == "file\n")
                    #expect(try await broker.client("ls", "--key", "team-1", token: reader).status == 1)
                    let made = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/root/v1/orgs/reader")
                    #expect(!made.contains("a") && !made.contains("team-1"))
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func secondBrokerSaysWhoHasTheRoot() async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"]) { broker in
                    let second = try await ChildProcess.run(
                        try BuiltProducts.program("agent-broker"),
                        ["serve", "--root", "\(directory)/root", "--listen", "127.0.0.1:0"]
                    )
                    #expect(second.status == 73)
                    #expect(second.errorText.contains("pid \(broker.ready.pid),"), "\(second)")
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func wrongConfigurationNamesTheLine() async throws {
            try await withScratchDirectory { directory in
                let path = "\(directory)/wrong.yaml"
                try "root: /tmp\nlimits:\n  max_conections: 3\n".write(toFile: path, atomically: true, encoding: .utf8)
                let result = try await ChildProcess.run(
                    try BuiltProducts.program("agent-broker"),
                    ["serve", "--config", path]
                )
                #expect(result.status == 78)
                #expect(result.errorText.contains("\(path):3"), "\(result)")
                #expect(result.errorText.contains("max_connections"), "\(result)")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func eachMistakeHasALineOfItsOwn() async throws {
            try await withScratchDirectory { directory in
                let path = "\(directory)/wrong.yaml"
                try "limits:\n  one: 3\n  two: \"\\e[2J\"\n".write(toFile: path, atomically: true, encoding: .utf8)
                let program = try BuiltProducts.program("agent-broker")
                let wrong = try await ChildProcess.run(program, ["serve", "--config", path])
                let lines = wrong.errorText.split(separator: "\n")
                #expect(lines.count == 3, "\(wrong)")
                #expect(!wrong.errorText.contains("x0a") && !wrong.errorText.contains("\u{1b}"))

                let directory = try await ChildProcess.run(program, ["serve", "--config", "/tmp"])
                #expect(directory.status == 78)
                #expect(directory.errorText.components(separatedBy: "/tmp").count == 2, "\(directory)")
                #expect(directory.errorText.components(separatedBy: "Is a directory").count == 2, "\(directory)")
            }
        }

        @Test(
            .timeLimit(.minutes(1)),
            arguments: [["--json", "nosuch"], ["nosuch", "--json"], ["--key", "k", "nosuch"]]
        )
        func aNameThatIsNoneIsNamed(arguments: [String]) async throws {
            let result = try await ChildProcess.run(try BuiltProducts.program("agent-broker"), arguments)
            #expect(result.status == 64)
            #expect(result.errorText.contains("no subcommand 'nosuch'"), "\(result)")
        }
    }
}
