import AgentBackend
import AuditLog
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@testable import BrokerServer

/// What the audit log says of calls, and to whom.
@Suite(.timeLimit(.minutes(1))) struct AuditRecordTests {
    private static func enable(_ configuration: inout BrokerConfiguration) { configuration.audit.isEnabled = true }

    @Test func refusedReadsAreRecordedAndOthersAreNot() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            try await client.write("x", to: "f")
            _ = try await client.read("f")
            _ = try await client.answers(to: client.frame(.read(Read(path: Array("../../x".utf8)))))
            _ = try await client.answers(to: client.frame(.read(Read(path: Array("none".utf8)))))
            _ = try await client.answers(to: client.frame(.stat(Stat(path: [])), key: "../other"))
            _ = try await client.answers(to: client.frame(.execAttach(ExecAttach(exec: 99))))
            let records = try await broker.auditRecords(of: client)
            #expect(records.map(\.operation) == ["exec_attach", "stat", "read", "write"])
            #expect(records.map(\.outcome) == ["NOT_FOUND", "INVALID_ARGUMENT", "PATH_ESCAPE_ATTEMPT", "ok"])
            #expect(records.first?.exec == 99)
        }
    }

    @Test func numbersThatACallerMakesUpAreAnswered() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            try await client.write("x", to: "f")
            _ = try await client.answers(to: client.frame(.execAttach(ExecAttach(exec: .max))))
            #expect(try await broker.auditRecords(of: client).map(\.exec) == [.max, nil])
            for since in [Int64.min, .max] {
                for until in [Int64.min, 0, .max] {
                    var query = QueryAudit()
                    (query.since, query.until) = (since, until)
                    guard case .audit(let page)? = try await client.call(client.frame(.audit(query))).reply else {
                        Issue.record("no page")
                        return
                    }
                    let operations = page.records.filter { $0.key == "k" }.map(\.operation)
                    #expect(operations == (since == .min && until != .min ? ["exec_attach", "write"] : []))
                }
            }
        }
    }

    /// Whoever asks what was done in a key's workspace is told of it.
    @Test func aKillIsOfItsCommandsKey() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            let exec = try await client.begin(client.frame(WireConversation.shell("sleep 1000")))
            try await client.waitUntilStarted(exec)
            guard case .commands(let page)? = try await client.call(client.frame(.listCommands(ListCommands()))).reply,
                let command = page.commands.first
            else {
                Issue.record("no command is listed")
                return
            }
            _ = try await client.call(client.frame(.killCommand(KillCommand(org: "", number: command.number))))
            _ = try await client.client.frames(of: exec)
            let kill = try await broker.auditRecords(of: client).first { $0.operation == "kill_command" }
            #expect(kill?.key == command.key && kill?.outcome == "ok")
        }
    }

    @Test func aKeyOfAnyLengthTakesNoMoreThanItsShare() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            let key = String(repeating: "\u{1}", count: 200_000)
            _ = try await client.answers(to: client.frame(.touch(Touch(path: Array("f".utf8))), key: key))
            let record = try #require(try await broker.auditRecords(of: client).first)
            #expect(record.outcome == "INVALID_ARGUMENT" && record.key.hasPrefix("\\x01"))
            #expect(record.line.count < 8192)
        }
    }

    @Test func anAnswerThatIsGivenAgainIsNoChange() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            let special = CallOptions.Special(idempotencyKey: "once")
            for _ in 0..<2 {
                try await client.call(client.frame(.mkdir(Mkdir(path: Array("d".utf8))), special: special))
            }
            #expect(try await broker.auditRecords(of: client).map(\.isReplay) == [true, false])
        }
    }

    @Test func aRecordNamesTheTraceThatItBelongsTo() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let special = CallOptions.Special(traceparent: "00-\(trace)-00f067aa0ba902b7-01")
            _ = try await client.answers(to: client.frame(.mkdir(Mkdir(path: Array("d".utf8))), special: special))
            #expect(try await broker.auditRecords(of: client).map(\.trace) == [trace])
        }
    }

    @Test func valuesOfACommandsEnvironmentAreNotInTheLog() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            var environment = Environment()
            try environment.set(Array("TOKEN".utf8), to: Array("s3cr3t-value".utf8))
            let start = ExecStart(
                program: .shellLine(Array("echo s3cr3t-value; exit 3".utf8)),
                environment: environment
            )
            _ = try await client.answers(to: client.frame(.execStart(start)))
            let records = try await broker.auditRecords(of: client)
            #expect(records.map(\.kind) == [.call, .intent])
            #expect(records.allSatisfy { $0.subject == "echo ***; exit 3" })
            guard !broker.isolation.isEmpty else { return }
            #expect(records.first?.exitCode == 3 && records.first?.commandEnd == "exited")
            #expect(records.first?.hasFailed == true)
        }
    }

    @Test func aCommandInTheBackgroundIsRecordedWhenItEnds() async throws {
        try await withConversation(configure: Self.enable) { broker, client in
            guard !broker.isolation.isEmpty else { return }
            let start = ExecStart(program: .shellLine(Array("exit 4".utf8)), isDetached: true)
            guard case .execStarted(let started)? = try await client.call(client.frame(.execStart(start))).reply else {
                Issue.record("not started")
                return
            }
            _ = try await client.answers(to: client.frame(.execWait(ExecWait(exec: started.exec))))
            let records = try await broker.auditRecords(of: client)
            let end = try #require(records.first { $0.kind == .end })
            #expect(end.exec == started.exec && end.exitCode == 4 && end.subject == "exit 4")
            #expect(records.first { $0.kind == .call }?.exec == started.exec)
        }
    }

    @Test func eachIsToldOfWhatIsTheirs() async throws {
        let (narrow, all) = (Token.generate(), Token.generate())
        try await withBroker(
            orgs: ["acme", "umbrella"],
            configure: { configuration in
                Self.enable(&configuration)
                var token = TokenRecord(id: narrow.id, name: "narrow", hash: narrow.hash)
                token.keyPatterns = [KeyPattern("k")].compactMap { $0 }
                configuration.orgs[0].tokens.append(token)
                var `operator` = TokenRecord(id: all.id, name: "ops", hash: all.hash)
                `operator`.role = .operator
                configuration.orgs[1].tokens.append(`operator`)
            }
        ) { broker in
            let acme = try await WireConversation(with: broker)
            let umbrella = try await WireConversation(with: broker, org: "umbrella")
            let one = try await WireConversation(with: broker, token: narrow.text)
            let ops = try await WireConversation(with: broker, token: all.text)
            try await acme.write("x", to: "a")
            _ = try await acme.answers(to: acme.frame(.touch(Touch(path: Array("b".utf8))), key: "other"))
            try await umbrella.write("x", to: "u")
            _ = try await broker.auditRecords(of: acme)
            _ = try await broker.auditRecords(of: umbrella, org: "umbrella")

            func subjects(_ client: WireConversation, _ org: String = "") async throws -> [String] {
                var query = QueryAudit()
                query.org = org
                guard case .audit(let page)? = try await client.call(client.frame(.audit(query))).reply else {
                    return []
                }
                #expect(page.nextBefore == 0)
                return page.records.map(\.subject).filter { !$0.hasPrefix("mark-") }
            }
            #expect(try await subjects(acme) == ["b", "a"])
            #expect(try await subjects(one) == ["a"])
            #expect(try await subjects(ops) == ["u", "b", "a"])
            #expect(try await subjects(ops, "acme") == ["b", "a"])
            let refused = await #expect(throws: BackendError.self) { try await subjects(acme, "umbrella") }
            #expect(refused?.code == .permissionDenied)
            #expect(try await broker.auditRecords(of: acme).first?.subject == "org umbrella")

            // What an operator does to an org is in the log of that.
            _ = try await ops.answers(to: ops.frame(.destroyEntry(DestroyEntry(org: "acme", key: "k"))))
            let last = try #require(try await broker.auditRecords(of: acme).first)
            #expect(last.operation == "destroy_entry" && last.key == "k" && last.tokenName == "ops")
            for client in [acme, umbrella, one, ops] { await client.client.close() }
        }
    }
}
