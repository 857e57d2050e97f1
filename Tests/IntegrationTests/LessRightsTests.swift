import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// Brokers on hosts that give them less than this one: each right is taken away from one of them.
    @Suite
    struct LessRightsTests {
        struct Host: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// Executes what follows with less.
            let launcher: [String]
            let isolation: String
            let isRoot: Bool

            static let all = [
                Host(testDescription: "all rights", launcher: ["/usr/bin/env"], isolation: "bwrap", isRoot: true),
                Host(testDescription: "no root", launcher: LessRightsTests.asUser, isolation: "bwrap", isRoot: false),
                Host(
                    testDescription: "no user namespaces",
                    launcher: LessRightsTests.asUser + [
                        "unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c",
                        "echo 0 > /proc/sys/user/max_user_namespaces && "
                            + "exec setpriv --inh-caps=-all --ambient-caps=-all \"$@\"",
                        "sh",
                    ],
                    isolation: "landlock",
                    isRoot: false
                ),
                Host(
                    testDescription: "no right to mount, as in a container",
                    launcher: ["/usr/bin/setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
                    isolation: "landlock",
                    isRoot: true
                ),
            ]
        }

        private static let user = 61_500
        private static let asUser = [
            "/usr/bin/setpriv", "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups",
        ]

        /// Rights can be taken from root alone, and whoever has less must be able to execute what was built.
        private static let canTakeRights: Bool = {
            guard geteuid() == 0, let program = try? BuiltProducts.program("agent-broker") else { return false }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: asUser[0])
            process.arguments = asUser.dropFirst() + [program, "version"]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }()

        @Test(.enabled(if: canTakeRights), .timeLimit(.minutes(2)), arguments: Host.all)
        func commandsRunAtTheLevelThatIsLeft(host: Host) async throws {
            try await withScratchDirectory { directory in
                chmod(directory, 0o777)
                let errors = Pipe()
                let broker = try await BrokerProcess(
                    ["--root", "\(directory)/root"],
                    through: host.launcher,
                    errorPipe: errors
                )
                #expect(broker.ready.isolation == host.isolation)
                let written = try await broker.client("write", "--key", "a", "file", input: Data("text\n".utf8))
                #expect(written.status == 0, "\(written)")
                let ran = try await broker.client(
                    "exec",
                    "--key",
                    "a",
                    "--",
                    "(setsid sleep 1000 &) ; cat file; echo more > other; cat \(directory)/outside"
                )
                #expect(ran.text == "text\n", "\(ran)")
                #expect(try await broker.client("read", "--key", "a", "other").text == "more\n")
                // The sandbox of the entry, and where they have namespaces a spare one.
                #expect(broker.holdings.children <= (host.isolation == "bwrap" ? 2 : 1))
                // Whoever answers runs a command, which sees itself in the end.
                let listed = try await broker.client("ps", "--key", "a")
                #expect(listed.status == 0, "\(listed)")
                #expect(try await broker.stop().status == 0)
                let said = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
                #expect(said.contains("are isolated by less than bwrap") == (host.isolation != "bwrap"), "\(said)")
            }
        }

        @Test(.enabled(if: canTakeRights), .timeLimit(.minutes(2)), arguments: Host.all)
        func theDoctorTellsWhatIsMissing(host: Host) async throws {
            try await withScratchDirectory { directory in
                chmod(directory, 0o777)
                let words =
                    host.launcher + [
                        try BuiltProducts.program("agent-broker"), "doctor", "--json", "--root", "\(directory)/root",
                    ]
                let result = try await ChildProcess.run(words[0], Array(words.dropFirst()))
                #expect(result.status == 0, "\(result)")
                let findings = try Self.findings(result)
                #expect(findings["users"]?.verdict == (host.isRoot ? "works" : "degraded"))
                let isWhole = host.isolation == "bwrap"
                #expect(findings["isolation bwrap"]?.verdict == (isWhole ? "works" : "degraded"), "\(findings)")
                #expect(findings["isolation landlock"]?.verdict == (isWhole ? "works" : "degraded"))
                #expect(findings["isolation \(host.isolation)"]?.found.contains("commands run at this level") == true)
                if !isWhole {
                    #expect(findings["isolation bwrap"]?.found.contains("namespaces") == true, "\(findings)")
                }
                #expect(findings["paths"]?.verdict == "works" && findings["writes"] != nil)
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
            }
        }

        @Test(.enabled(if: canTakeRights), .timeLimit(.minutes(1)))
        func whatIsRequiredAndNotThereKeepsABrokerFromStarting() async throws {
            try await withScratchDirectory { directory in
                let last = try #require(Host.all.last)
                let program = try BuiltProducts.program("agent-broker")
                let arguments = ["--root", "\(directory)/root", "--require-isolation", "bwrap"]
                let words = last.launcher + [program, "serve", "--listen", "127.0.0.1:0"] + arguments
                let served = try await ChildProcess.run(words[0], Array(words.dropFirst()))
                #expect(served.status == 1)
                #expect(served.errorText.contains("MISSING_UTILITIES"), "\(served)")
                try "root: \(directory)/root\nexec:\n  require_isolation: bwrap\n"
                    .write(toFile: "\(directory)/broker.yaml", atomically: true, encoding: .utf8)
                let asked = last.launcher + [program, "doctor", "--json", "--config", "\(directory)/broker.yaml"]
                let examined = try await ChildProcess.run(asked[0], Array(asked.dropFirst()))
                #expect(examined.status == 1, "\(examined)")
                #expect(try Self.findings(examined)["isolation bwrap"]?.verdict == "missing", "\(examined)")
            }
        }

        private struct Finding: Decodable {
            let mechanism: String
            let verdict: String
            let found: String
        }

        private static func findings(_ result: ChildProcess.Result) throws -> [String: Finding] {
            let lines = try result.text.split(separator: "\n").map { line in
                try JSONDecoder().decode(Finding.self, from: Data(line.utf8))
            }
            return Dictionary(uniqueKeysWithValues: lines.map { ($0.mechanism, $0) })
        }
    }
}
