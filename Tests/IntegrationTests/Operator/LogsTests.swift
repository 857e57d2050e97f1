import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import BrokerWire
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// `logs --follow`
    @Suite
    struct LogsTests {
        private static let memory = BrokerTarget(backend: .memory, key: "k")

        private var file: WorkspacePath { get throws { try WorkspacePath("f") } }

        /// One line of a broker's log, as far as these tests look at it.
        private struct Line: Decodable {
            let operation: String?
            let key: String?
            let dropped: Int?

            init(_ text: some StringProtocol) throws {
                self = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
            }
        }

        /// Also where the broker itself logs nothing.
        @Test(.timeLimit(.minutes(1)))
        func tellsWhatTheTokenAllowsFromThenOn() async throws {
            try await withScratchDirectory { directory in
                var acme = try TenantConfiguration.Tenant("acme", tokens: ["all", "some"])
                acme.tokens[1].lines = ["keys: [\"team-*\"]"]
                let tokens = acme.tokens.map(\.issued.token)
                let configuration = try TenantConfiguration(in: directory, acme, lines: ["log: {operations: off}"])
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(tokens[0], tokens[0], tokens[1]) { connections in
                        let client = connections[0]
                        func work() async throws {
                            for key in ["other", "team-1"] {
                                let target = BrokerTarget(key: key)
                                try await client.write(file, ByteBuffer(string: "x"), on: target)
                                _ = try await client.read(file, on: target)
                                _ = await failure { try await client.rm(try WorkspacePath("none"), on: target) }
                            }
                        }
                        try await work()
                        try await connections[1].withLog { plain in
                            try await connections[1].withLog(verbose: true) { verbose in
                                try await connections[2].withLog { narrow in
                                    try await work()
                                    let told = try await [
                                        lines(4, of: plain), lines(6, of: verbose), lines(2, of: narrow),
                                    ].map { try $0.map { "\(try #require($0.key)) \(try #require($0.operation))" } }
                                    #expect(told[0] == ["other write", "other rm", "team-1 write", "team-1 rm"])
                                    #expect(told[1].contains("other read") && told[1].contains("team-1 read"))
                                    #expect(told[2] == ["team-1 write", "team-1 rm"])
                                }
                            }
                        }
                    }
                    #expect(broker.process.errorsSoFar.contains("\"operation\"") == false)
                }
            }
        }

        /// What it followed as an operator it must not hear of as anything less.
        @Test(.timeLimit(.minutes(1)))
        func anOperatorThatIsNoneAnyMoreHearsNothingMore() async throws {
            try await withScratchDirectory { directory in
                let acme = try TenantConfiguration.Tenant("acme")
                var configuration = try TenantConfiguration(in: directory, acme)
                let issued = try IssuedToken(org: "operators", name: "night", role: .operator)
                let night = TenantConfiguration.Token(issued: issued, lines: ["role: operator"])
                configuration["operators"]?.tokens.append(night)
                try configuration.save()
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(issued.token, configuration.operatorToken, acme.token) {
                        connections in
                        let end = await failure {
                            try await connections[0].withLog { log in
                                try await connections[2].write(file, ByteBuffer(string: "x"), on: Self.memory)
                                #expect(try await lines(1, of: log).map(\.operation) == ["write"])
                                configuration["operators"]?.tokens[1].lines = []
                                try configuration.save()
                                #expect(try await connections[1].reload().connectionsEnded == 1)
                                try await connections[2].write(file, ByteBuffer(string: "y"), on: Self.memory)
                                for try await line in log { Issue.record("still told: \(line)") }
                            }
                        }
                        #expect(
                            end?.code == .authFailed || end?.code == .connectionClosed,
                            "\(String(describing: end))"
                        )
                    }
                }
            }
        }

        private func lines(_ count: Int, of log: BrokerLog) async throws -> [Line] {
            var lines: [Line] = []
            while lines.count < count, let line = try await log.next() { lines.append(try Line(line)) }
            return lines
        }

        /// A follower that gives no credit costs bounded memory, and is told how much it missed.
        @Test(.timeLimit(.minutes(1)))
        func aSlowFollowerMissesSomeAndIsToldHowMany() async throws {
            try await withScratchDirectory { directory in
                let lines = [
                    "limits: {stream_window_bytes: 64KiB, connection_window_bytes: 64KiB}",
                    "log: {operations: off, follower_buffer_bytes: 64KiB}",
                ]
                let configuration = try TenantConfiguration(in: directory, .init("acme"), lines: lines)
                let token = try #require(configuration["acme"]).token
                let (writers, writes) = (8, 1000)
                try await withBrokerProcess(by: configuration) { broker in
                    let slow = try await Asker(broker, token: token, givesCredit: false)
                    let call = try await slow.begin(.logs(FollowLogs()))
                    guard case .reply(.logs)? = try await slow.client.next(of: call)?.body else {
                        throw ChildProcess.Failure(description: "the broker does not begin to tell")
                    }
                    try await broker.withConnections(token) { connections in
                        try await withThrowingTaskGroup { group in
                            for _ in 0..<writers {
                                group.addTask {
                                    for _ in 0..<writes {
                                        try await connections[0].write(file, ByteBuffer(string: "x"), on: Self.memory)
                                    }
                                }
                            }
                            try await group.waitForAll()
                        }
                        // Nothing is left that could be told of later: what comes next is of this one alone.
                        for stream in [0, call] {
                            try await slow.client.send(
                                ClientFrame(id: 0, body: .window(stream: stream, bytes: 1 << 30))
                            )
                        }
                        var bytes = ByteBuffer()
                        var (told, dropped) = (0, 0)
                        while told + dropped < writers * writes, let frame = try await slow.client.next(of: call) {
                            bytes.writeImmutableBuffer(frame.payload)
                            let text = String(buffer: bytes)
                            let all = text.split(separator: "\n", omittingEmptySubsequences: false)
                            let whole = try all.dropLast().map { try Line($0) }
                            told = whole.count { $0.operation == "write" }
                            dropped = whole.reduce(0) { $0 + ($1.dropped ?? 0) }
                        }
                        #expect(told + dropped == writers * writes)
                        #expect(dropped > writers * writes / 2)
                        // The window, what was under way, and what waited: a record takes more in memory than as a line.
                        #expect(bytes.readableBytes < 3 * 64 << 10, "\(bytes.readableBytes) bytes")
                    }
                    await slow.client.close()
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func asManyFollowAsMay() async throws {
            try await withScratchDirectory { directory in
                let configuration = try TenantConfiguration(
                    in: directory,
                    .init("acme"),
                    .init("umbrella"),
                    lines: ["log: {max_followers_per_org: 1}"]
                )
                let tokens = try ["acme", "umbrella"].map { try #require(configuration[$0]).token }
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(tokens[0], tokens[1], configuration.operatorToken) { connections in
                        try await connections[0].withLog { _ in
                            let error = await failure { try await connections[0].withLog { _ in } }
                            #expect(error?.code == .resourceExhausted && error?.limit?.name == "log_followers")
                            try await connections[1].withLog { _ in }
                            try await connections[2].withLog { _ in }
                        }
                        try await connections[0].withLog { _ in }
                    }
                }
            }
        }

        /// Who follows does not hold up the end of a broker, and hears what was done last.
        @Test(.timeLimit(.minutes(1)))
        func theCommandFollowsToTheEndOfTheBroker() async throws {
            try await withScratchDirectory { directory in
                let configuration = try TenantConfiguration(in: directory, .init("acme"))
                let token = try #require(configuration["acme"]).token
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--config", configuration.path])
                let program = try BuiltProducts.program("agent-broker")
                let followers = try [[], ["--json"]].map { arguments in
                    try ChildProcess(
                        program,
                        ["logs", "--follow"] + arguments,
                        environment: broker.environment(token: arguments.isEmpty ? token : configuration.operatorToken)
                    )
                }
                for follower in followers {
                    while !follower.errorsSoFar.contains("following") { await Task.yield() }
                }
                _ = try await broker.client("write", "--key", "k", "f", token: token, input: Data("x".utf8))
                #expect(try await broker.stop().status == 0)
                let results = try await [followers[0].exit(), followers[1].exit()]
                #expect(results[0].status == 0 && results[0].text.contains("acme/k write f"), "\(results[0])")
                #expect(results[1].status == 0, "\(results[1])")
                #expect(try Line(results[1].text.dropLast()).operation == "write")
            }
        }
    }
}
