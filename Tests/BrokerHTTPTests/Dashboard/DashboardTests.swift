import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import ModelContextProtocol
import NIOCore
import Testing

@testable import BrokerHTTP

/// What the dashboard shows and does.
@Suite(.timeLimit(.minutes(1))) struct DashboardTests {
    /// Pages of two orgs, of an operator and of a read-only token of the first org, and a connection of that org.
    private struct Pages {
        let acme: DashboardPage
        let other: DashboardPage
        let ops: DashboardPage
        let reader: DashboardPage
        let client: BrokerConnection
        let otherClient: BrokerConnection
    }

    private let target = BrokerTarget(key: "k")

    private func withPages(
        configure: (inout BrokerConfiguration) -> Void = { _ in },
        _ body: (InProcessBroker, Pages) async throws -> Void
    ) async throws {
        let (ops, reader) = (Token.generate(), Token.generate())
        try await withSidePort(orgs: ["acme", "other"]) {
            $0.limits.drainTimeout = .zero
            $0.orgs[0].tokens += [
                TokenRecord(id: ops.id, name: "ops", hash: ops.hash, role: .operator),
                TokenRecord(id: reader.id, name: "reader", hash: reader.hash, isReadOnly: true),
            ]
            configure(&$0)
        } _: { broker in
            let address = try BrokerAddress("127.0.0.1:\(broker.port)")
            let client = try await BrokerConnection.connect(to: address, token: broker.token())
            let otherClient = try await BrokerConnection.connect(to: address, token: broker.token(of: "other"))
            let pages = Pages(
                acme: try await DashboardPage(broker, token: broker.token()),
                other: try await DashboardPage(broker, token: broker.token(of: "other")),
                ops: try await DashboardPage(broker, token: ops.text),
                reader: try await DashboardPage(broker, token: reader.text),
                client: client,
                otherClient: otherClient
            )
            try await body(broker, pages)
            await client.close()
            await otherClient.close()
        }
    }

    private func shell(_ line: String) -> ExecRequest { ExecRequest(.shellLine(Array(line.utf8))) }

    /// The first overview that is as it should be.
    private func overview(
        _ page: DashboardPage,
        where isSought: (JSONValue) -> Bool = { _ in true }
    ) async throws -> JSONValue {
        try await page.stream("/api/events") { peer, head in
            #expect(head.status == 200)
            #expect(head.headers["content-type"] == "text/event-stream")
            while let overview = try await peer.event(named: "overview") {
                if isSought(overview) { return overview }
            }
            throw HTTPPeer.Failure.closed
        }
    }

    @Test func anOrgSeesItselfAndAnOperatorAll() async throws {
        try await withPages { _, pages in
            let path = try WorkspacePath("f")
            _ = try await pages.client.write(path, ByteBuffer(string: "abc"), on: target)
            _ = try await pages.otherClient.write(path, ByteBuffer(string: "abc"), on: BrokerTarget(key: "theirs"))
            let command = try await pages.client.execDetached(shell("echo out; sleep 1000"), on: target)
            let own = try await overview(pages.acme) { $0["execs"]?.elements?.first?["stdout_bytes"]?.wholeNumber == 4 }
            #expect(own["orgs"]?.elements?.compactMap { $0["org"]?.text } == ["acme"])
            #expect(own["entries"]?.elements?.compactMap { $0["key"]?.text } == ["k"])
            let exec = own["execs"]?.elements?.first
            #expect(exec?["exec"]?.wholeNumber == Int64(command.id))
            #expect(exec?["command"]?.text == "echo out; sleep 1000")
            #expect(exec?["attachable"]?.flag == true)
            #expect(exec?["scope"]?.text == "/")
            let share = own["orgs"]?.elements?.first
            #expect(share?["execs_running"]?.wholeNumber == 1)
            #expect(share?["calls_ok"]?.wholeNumber ?? 0 > 0)
            let limits = share?["limits"]?.elements ?? []
            let entries = limits.first { $0["name"]?.text == "org_entries" }
            #expect(entries?["used"]?.wholeNumber == 1)
            #expect(entries?["unit"]?.text == "entries")
            let theirs = try await overview(pages.other)
            #expect(theirs["orgs"]?.elements?.compactMap { $0["org"]?.text } == ["other"])
            #expect(theirs["entries"]?.elements?.compactMap { $0["key"]?.text } == ["theirs"])
            #expect(theirs["execs"]?.elements?.isEmpty ?? false)
            let all = try await overview(pages.ops)
            #expect(all["orgs"]?.elements?.compactMap { $0["org"]?.text } == ["acme", "other"])
            #expect(Set(all["entries"]?.elements?.compactMap { $0["key"]?.text } ?? []) == ["k", "theirs"])
            #expect(all["execs"]?.elements?.count == 1)
            try await command.kill()
        }
    }

    @Test func aPageIsToldWhyErrorsAreNotFollowedAndWhenTheyAre() async throws {
        try await withPages {
            $0.log.maxFollowersPerOrg = 1
        } _: { _, pages in
            try await pages.client.withLog { _ in
                let without = try await overview(pages.acme) { $0["unfollowed"] != nil }
                #expect(without["unfollowed"]?.text?.contains("RESOURCE_EXHAUSTED") ?? false)
            }
            _ = try await overview(pages.acme) { $0["unfollowed"] == nil }
        }
    }

    @Test func whatFailsAndWhatRanIsTold() async throws {
        try await withPages { _, pages in
            try await pages.acme.stream("/api/events") { peer, _ in
                // Nobody is told before the feed follows.
                let line = shell("exit 7")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while !Task.isCancelled {
                            _ = try? await pages.client.rm(WorkspacePath("none"), on: target)
                            _ = try? await pages.client.run(line, on: target)
                        }
                    }
                    var (failure, command): (JSONValue?, JSONValue?)
                    while failure == nil || command == nil {
                        guard let event = try await peer.event(named: "operation") else { break }
                        if event["operation"]?.text == "rm" { failure = event }
                        if event["operation"]?.text == "exec" { command = event }
                    }
                    group.cancelAll()
                    #expect(failure?["error"]?.text != nil)
                    #expect(failure?["key"]?.text == "k")
                    #expect(failure?["time_ms"]?.wholeNumber ?? 0 > 1_600_000_000_000)
                    #expect(command?["exit_code"]?.wholeNumber == 7)
                    #expect(command?["subject"]?.text == "exit 7")
                }
            }
        }
    }

    @Test func aKillReallyKills() async throws {
        try await withPages { _, pages in
            try await pages.client.withExec(shell("echo ready; sleep 1000"), on: target) { session in
                while let event = try await session.next() {
                    if case .standardOutput = event { break }
                }
                let seen = try await overview(pages.ops) { $0["execs"]?.elements?.isEmpty == false }
                let number = try #require(seen["execs"]?.elements?.first?["exec"]?.wholeNumber)
                #expect(seen["execs"]?.elements?.first?["attachable"]?.flag == false)
                func kill(_ page: DashboardPage, _ org: String, _ key: String = "k") async throws -> Int {
                    try await page.send("POST", "/api/orgs/\(org)/keys/\(key)/execs/\(number)/kill").status
                }
                #expect(try await kill(pages.other, "acme") == 403)
                #expect(try await kill(pages.other, "other") == 404)
                #expect(try await kill(pages.other, "other%2f..%2facme") == 400)
                #expect(try await kill(pages.other, "other/../acme") == 404)
                #expect(try await kill(pages.other, "acme%00") == 400)
                #expect(try await kill(pages.reader, "acme") == 403)
                // The key is that of the command.
                #expect(try await kill(pages.acme, "acme", "other") == 404)
                #expect(try await kill(pages.ops, "acme", "other") == 404)
                #expect(try await kill(pages.ops, "acme", "") == 404)
                #expect(try await kill(pages.ops, "none") == 404)
                #expect(try await kill(pages.ops, "acme") == 204)
                #expect(try await session.collect().end.outcome == .signaled(9))
                #expect(try await kill(pages.ops, "acme") == 404)
            }
        }
    }

    @Test func aDestroyedEntryEndsItsCommands() async throws {
        try await withPages { _, pages in
            let command = try await pages.client.execDetached(shell("sleep 1000"), on: target)
            func destroy(_ page: DashboardPage, _ path: String) async throws -> Int {
                try await page.send("POST", "/api/orgs/\(path)/destroy").status
            }
            #expect(try await destroy(pages.other, "acme/keys/k") == 403)
            #expect(try await destroy(pages.other, "other/keys/k") == 404)
            #expect(try await destroy(pages.other, "other/keys/..%2f..%2facme%2fk") == 400)
            #expect(try await destroy(pages.reader, "acme/keys/k") == 403)
            #expect(try await pages.acme.send("POST", "/api/orgs/acme/keys/k/destroy?backend=memory").status == 404)
            #expect(try await pages.acme.send("POST", "/api/orgs/acme/keys/k/destroy?backend=disk").status == 400)
            #expect(try await destroy(pages.acme, "acme/keys/k") == 204)
            #expect(try await command.wait().outcome == .cancelled)
        }
    }

    @Test func outputIsReadFromAnOffsetToTheEnd() async throws {
        try await withPages { _, pages in
            let command = try await pages.client.execDetached(
                shell("echo hello; echo err >&2; exit 3"),
                on: target
            )
            func path(_ org: String, _ key: String = "k") -> String {
                "/api/orgs/\(org)/keys/\(key)/execs/\(command.id)/output"
            }
            for page in [pages.acme, pages.ops] {
                try await page.stream(path("acme") + "?from=2") { peer, head in
                    #expect(head.status == 200)
                    #expect(head.headers["content-security-policy"] != nil)
                    var (out, err) = ("", "")
                    while let event = try await peer.namedEvent() {
                        let data = try JSONParser.parse(ByteBuffer(string: event.data))
                        if event.name == "end" { #expect(data["exit_code"]?.wholeNumber == 3) }
                        let text = Base64.bytes(data["data"]?.text ?? "").map { String(decoding: $0, as: UTF8.self) }
                        if data["stream"]?.text == "stdout" { out += text ?? "" } else { err += text ?? "" }
                    }
                    #expect(out == "llo\n")
                    #expect(err == "err\n")
                }
            }
            #expect(try await pages.acme.send("GET", path("acme", "other")).status == 404)
            #expect(try await pages.ops.send("GET", path("acme", "")).status == 404)
            #expect(try await pages.other.send("GET", path("acme")).status == 403)
            #expect(try await pages.other.send("GET", path("acme", "other")).status == 403)
            #expect(try await pages.other.send("GET", path("other")).status == 404)
            #expect(try await pages.reader.send("GET", path("acme")).status == 403)
            #expect(try await pages.acme.send("GET", path("acme") + "?from=x").status == 400)
        }
    }

    /// Not only once it has ended.
    @Test func outputIsToldAsItIsWritten() async throws {
        try await withPages { _, pages in
            let line = "echo first; while [ ! -e go ]; do sleep 0.02; done; echo second"
            let command = try await pages.client.execDetached(shell(line), on: target)
            try await pages.acme.stream("/api/orgs/acme/keys/k/execs/\(command.id)/output") { peer, _ in
                func next() async throws -> String? {
                    try await peer.event(named: "output")?["data"]?.text.flatMap { Base64.bytes($0) }
                        .map { String(decoding: $0, as: UTF8.self) }
                }
                #expect(try await next() == "first\n")
                _ = try await pages.client.write(WorkspacePath("go"), ByteBuffer(), on: target)
                #expect(try await next() == "second\n")
                #expect(try await peer.event(named: "end")?["exit_code"]?.wholeNumber == 0)
                #expect(try await peer.event() == nil)
            }
        }
    }

    @Test func aLogoutEndsWhatGoesOn() async throws {
        try await withPages { _, pages in
            let command = try await pages.client.execDetached(shell("sleep 1000"), on: target)
            try await pages.acme.stream("/api/events") { events, _ in
                #expect(try await events.event(named: "overview") != nil)
                try await pages.acme.stream("/api/orgs/acme/keys/k/execs/\(command.id)/output") { output, head in
                    #expect(head.status == 200)
                    try await pages.acme.send("DELETE", "/api/session")
                    #expect(try await output.event(named: "bye")?["reason"]?.text == "logged out")
                    #expect(try await output.event() == nil)
                }
                #expect(try await events.event(named: "bye")?["reason"]?.text == "logged out")
                #expect(try await events.event() == nil)
            }
            try await command.kill()
        }
    }

    @Test func aPageThatComesLaterIsToldOfTheTimeBefore() async throws {
        try await withPages { _, pages in
            let seen = try await overview(pages.acme) { $0["latency"]?["count"]?.wholeNumber != nil }
            #expect(seen["orgs"]?.elements?.first?["latency"]?["p99_us"]?.wholeNumber != nil)
            try await pages.acme.stream("/api/events") { peer, _ async throws in
                let first = try #require(try await peer.namedEvent())
                #expect(first.name == "history")
                let samples = try JSONParser.parse(ByteBuffer(string: first.data))["samples"]?.elements
                #expect(samples?.count ?? 0 >= 2)
                #expect(samples?.first?["orgs"]?.elements?.first?["org"]?.text == "acme")
                #expect(samples?.first?["entries"] == nil)
                #expect(try await peer.event(named: "overview") != nil)
            }
            // Of another token it is another one.
            try await pages.other.stream("/api/events") { peer, _ async throws in
                #expect(try await peer.namedEvent()?.name == "overview")
            }
        }
    }

    @Test func theAuditLogIsSearchedByWhoMaySeeIt() async throws {
        try await withPages {
            $0.audit.isEnabled = true
        } _: { _, pages in
            let path = try WorkspacePath("f")
            _ = try await pages.client.write(path, ByteBuffer(string: "abc"), on: target)
            _ = try? await pages.client.rm(WorkspacePath("none"), on: target)
            let command = try await pages.client.execDetached(shell("sleep 1000"), on: target)
            #expect(
                try await pages.ops.send("POST", "/api/orgs/acme/keys/k/execs/\(command.id)/kill").status == 204
            )
            func records(_ page: DashboardPage, _ query: String) async throws -> [JSONValue] {
                let reply = try await page.send("GET", "/api/audit?\(query)")
                #expect(reply.status == 200)
                return reply.json["records"]?.elements ?? []
            }
            let writes = try await records(pages.acme, "operation=write&key=k")
            #expect(writes.count == 1)
            #expect(writes.first?["subject"]?.text?.hasSuffix("f") ?? false)
            #expect(writes.first?["principal"]?.text?.hasPrefix("test (") ?? false)
            #expect(writes.first?["outcome"]?.text == "ok")
            let failures = try await records(pages.acme, "failed=1")
            #expect(failures.contains { $0["operation"]?.text == "rm" })
            #expect(!failures.contains { $0["operation"]?.text == "write" })
            #expect(try await records(pages.ops, "org=acme&operation=write").count == 1)
            #expect(try await records(pages.other, "operation=write").isEmpty)
            #expect(try await pages.other.send("GET", "/api/audit?org=acme").status == 403)
            #expect(try await pages.acme.send("GET", "/api/audit?before=x").status == 400)
            _ = try await command.wait()
        }
    }

    @Test func streamsAreBounded() async throws {
        try await withPages {
            $0.http.maxEventStreams = 80
        } _: { broker, pages in
            var peers: [HTTPPeer] = []
            var others: [DashboardPage] = []
            for _ in 0..<2 { others.append(try await DashboardPage(broker, token: broker.token())) }
            var statuses: [Int: Int] = [:]
            for number in 0..<200 {
                let page = others[number % 2]
                let peer = try await HTTPPeer.connect(port: page.port)
                try await peer.send(page.text("GET", "/api/events"))
                statuses[try await peer.head().status, default: 0] += 1
                peers.append(peer)
            }
            // A quarter, and nobody else is kept out.
            #expect(statuses == [200: 20, 429: 180])
            #expect(try await pages.other.stream("/api/events", { $1.status }) == 200)
            for peer in peers { await peer.close() }
            // What is closed makes room.
            while try await pages.acme.stream("/api/events", { $1.status }) != 200 {}
        }
    }

    @Test func anOperatorDrains() async throws {
        try await withPages { _, pages in
            #expect(try await pages.acme.send("POST", "/api/drain").status == 403)
            #expect(try await pages.reader.send("POST", "/api/drain").status == 403)
            #expect(try await pages.acme.send("GET", "/api/audit").status == 404)
            try await pages.acme.stream("/api/events") { peer, _ async throws in
                #expect(try await peer.event(named: "overview") != nil)
                #expect(try await pages.ops.send("POST", "/api/drain").status == 202)
                #expect(try await peer.event(named: "bye")?["reason"]?.text == "draining")
            }
        }
    }

    @Test func everyFileOfTheFolderIsServed() async throws {
        try await withSidePort { broker in
            let page = DashboardPage(broker)
            let index = try await page.send("GET", "/")
            #expect(index.status == 200)
            #expect(index.headers["content-type"] == "text/html; charset=utf-8")
            #expect(index.headers["cache-control"] == "no-cache")
            #expect(dashboardFiles.contains { $0.name == "index.html" })
            for file in dashboardFiles {
                let reply = try await page.send("GET", "/dashboard/\(file.name)")
                #expect(reply.status == 200)
                #expect(reply.headers["content-type"] != "application/octet-stream", "\(file.name)")
                let tag = try #require(reply.headers["etag"])
                let known = try await page.send("GET", "/dashboard/\(file.name)", headers: ["If-None-Match": tag])
                #expect(known.status == 304 && known.body.isEmpty)
            }
        }
    }
}
