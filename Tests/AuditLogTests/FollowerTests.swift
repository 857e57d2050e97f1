import Testing

@testable import AuditLog

struct FollowerTests {
    @Test func whatIsAddedIsToldOnceAlsoInTheNextFiles() async throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.maximumFileBytes = 3000
        settings.maximumFiles = 1000
        try await scratch.withLog(settings) { log in
            _ = try await log.record(event("/before"))
            var follower = try scratch.files.follower(of: "acme")
            let none = try follower.next()
            #expect(none.isEmpty)
            var told: [String] = []
            for number in 1...60 {
                _ = try await log.record(event("/\(number)"))
                guard number % 7 == 0 || number == 60 else { continue }
                while true {
                    let records = try follower.next()
                    guard !records.isEmpty else { break }
                    told += records.filter { $0.kind == .call }.map(\.subject)
                }
            }
            #expect(try scratch.segments().count > 3)
            #expect(told == (1...60).map { "/\($0)" })
        }
    }

    @Test func aLogThatBeginsLaterIsFollowedFromItsBeginning() async throws {
        let scratch = try Scratch()
        try await scratch.withLog { log in
            var follower = try scratch.files.follower(of: "acme")
            _ = try await log.record(event("/first"))
            let begun = try follower.next()
            #expect(begun.map(\.kind) == [.file, .call])
        }
    }
}
