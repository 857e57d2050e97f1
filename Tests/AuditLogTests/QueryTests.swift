import AgentBackend
import Testing

@testable import AuditLog

struct QueryTests {
    private static func write(_ scratch: Scratch, _ events: [AuditEvent], fileBytes: Int = 64 << 20) async throws {
        var settings = AuditSettings()
        settings.maximumFileBytes = fileBytes
        settings.maximumFiles = 1000
        try await scratch.withLog(settings) { log in for event in events { log.add(event) } }
    }

    @Test func recordsComeAPageAtATimeFromTheNewest() async throws {
        let scratch = try Scratch()
        try await Self.write(scratch, (1...1500).map { event("/\($0)") }, fileBytes: 300_000)
        #expect(try scratch.segments().count > 1)
        var (found, before, pages) = ([String](), UInt64(0), 0)
        repeat {
            let page = try scratch.files.page(of: "acme", AuditQuery(), before: before, limit: 100)
            #expect(page.records.count <= 100)
            found += page.records.map(\.subject)
            before = page.nextBefore
            pages += 1
        } while before != 0 && pages < 100
        #expect(found == (1...1500).reversed().map { "/\($0)" })
    }

    @Test func theRecordsOfSeveralOrgsComeByTime() async throws {
        let scratch = try Scratch()
        let orgs = ["a", "b", "c"]
        let events = (1...900).map { event("/\($0)", of: orgs[$0 % 3], time: Int64($0 / 2) * 1_000_000_000) }
        try await Self.write(scratch, events, fileBytes: 40_000)
        var (found, before, pages) = ([String](), UInt64(0), 0)
        repeat {
            let page = try scratch.files.page(ofAll: orgs, AuditQuery(), before: before, limit: 50)
            found += page.records.map(\.subject)
            before = page.nextBefore
            pages += 1
        } while before != 0 && pages < 100
        #expect(found.count == 900 && Set(found).count == 900)
    }

    @Test func whatIsAskedForIsFound() async throws {
        let scratch = try Scratch()
        let second: Int64 = 1_000_000_000
        var intent = event("/intent", time: 9 * second)
        intent.kind = .intent
        try await Self.write(
            scratch,
            [
                event("/a", key: "ci", time: 1 * second),
                event("/b", key: "prod", time: 2 * second),
                event("make", operation: "exec", time: 3 * second),
                event("/../x", failure: .pathEscapeAttempt, time: 4 * second),
                intent,
            ]
        )
        func subjects(_ change: (inout AuditQuery) -> Void) throws -> [String] {
            var query = AuditQuery()
            change(&query)
            return try scratch.files.page(of: "acme", query, limit: 10).records.map(\.subject)
        }
        #expect(try subjects { _ in } == ["/../x", "make", "/b", "/a"])
        #expect(try subjects { $0.key = "prod" } == ["/b"])
        #expect(try subjects { $0.operation = "exec" } == ["make"])
        #expect(try subjects { $0.outcome = "PATH_ESCAPE_ATTEMPT" } == ["/../x"])
        #expect(try subjects { $0.outcome = "ok" } == ["make", "/b", "/a"])
        #expect(try subjects { $0.isFailedOnly = true } == ["/../x"])
        #expect(try subjects { $0.text = "MAK" } == ["make"])
        #expect(try subjects { $0.text = "agent" }.count == 4)
        #expect(try subjects { $0.time = (2 * second)..<(4 * second) } == ["make", "/b"])
        #expect(try subjects { $0.includesIntents = true }.first == "/intent")
        #expect(try subjects { $0.allowsKey = { $0 != "ci" } } == ["/b"])
        #expect(try scratch.files.page(of: "none", AuditQuery(), limit: 10).records.isEmpty)
    }

    @Test(arguments: [Int64.min, .max]) func anyTimeCanBeAskedFor(_ time: Int64) async throws {
        let scratch = try Scratch()
        try await Self.write(scratch, [event("/a")])
        var query = AuditQuery()
        query.time = time..<Int64.max
        let found = try scratch.files.page(of: "acme", query, limit: 10).records.map(\.subject)
        #expect(found == (time == .min ? ["/a"] : []))
    }

    @Test func aSearchThatFindsNothingStopsNowAndThen() async throws {
        let scratch = try Scratch()
        // A part at a time: what does not fit into the queue at once would be missing.
        for part in 0..<6 { try await Self.write(scratch, (1...3000).map { event("/\(part)/\($0)") }) }
        var query = AuditQuery()
        query.text = "nothing like it"
        var (before, pages) = (UInt64(0), 0)
        repeat {
            let page = try scratch.files.page(of: "acme", query, before: before, limit: 10)
            #expect(page.records.isEmpty)
            before = page.nextBefore
            pages += 1
        } while before != 0 && pages < 100
        #expect((2...20).contains(pages))
    }
}
