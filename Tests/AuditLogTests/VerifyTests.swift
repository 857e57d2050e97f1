import AgentBackend
import Testing

@testable import AuditLog

/// What an examination finds, fault by fault.
struct VerifyTests {
    private let scratch: Scratch

    /// Seven records: the file's own, five events and a head.
    init() async throws {
        scratch = try Scratch()
        try await scratch.withLog { log in for number in 1...5 { log.add(event("/file-\(number)")) } }
    }

    private var name: String { AuditSegment(firstSequence: 1).name }

    private func findings(_ org: String = "acme") throws -> [AuditFinding] { try scratch.files.verify(org).findings }

    private func put(_ lines: [[UInt8]], _ name: String? = nil) throws {
        try scratch.put(lines.flatMap { $0 + [UInt8(ascii: "\n")] }, name ?? self.name)
    }

    @Test func aLogThatNobodyTouchedIsWhole() throws {
        let report = try scratch.files.verify("acme")
        #expect(report.findings.isEmpty)
        #expect(report.records == 7 && report.firstSequence == 1 && report.lastSequence == 7)
        #expect(report.heads == 1 && report.signedSequence == 6)
        #expect(try report.key == scratch.files.publicKey()?.text)
    }

    @Test func aChangedByteIsNamedByItsLine() throws {
        let whole = try scratch.contents(name)
        var line = 1
        for (offset, byte) in whole.enumerated() {
            defer { if byte == UInt8(ascii: "\n") { line += 1 } }
            guard offset % 17 == 0, byte != UInt8(ascii: "\n") else { continue }
            var changed = whole
            changed[offset] = byte == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            try scratch.put(changed, name)
            let found = try findings()
            #expect(found.contains { $0.file == name && $0.line == line }, "byte \(offset) of line \(line)")
            // Of an event, and of nothing but its text.
            if (2...6).contains(line) { #expect(found.allSatisfy { $0.line <= line + 1 }, "byte \(offset): \(found)") }
        }
    }

    @Test func aChangedRecordIsTheOnlyFinding() throws {
        var lines = try scratch.lines(name)
        lines[3] = Array(String(decoding: lines[3], as: UTF8.self).replacing("/file-3", with: "/file-9").utf8)
        try put(lines)
        let found = try findings()
        #expect(found.count == 1)
        #expect(
            found.first?.line == 4 && found.first?.sequence == 4 && found.first?.problem.contains("changed") == true
        )
    }

    @Test(arguments: 1...5) func aRemovedLineIsNamedByTheOneBehind(_ index: Int) throws {
        var lines = try scratch.lines(name)
        lines.remove(at: index)
        try put(lines)
        let found = try findings()
        #expect(found.count == 1)
        #expect(found.first?.line == index + 1 && found.first?.sequence == UInt64(index + 2))
        #expect(found.first?.problem.contains("1 records before it are missing") == true)
    }

    @Test(arguments: 1...6) func aTruncationIsNamedByWhatWasSigned(_ count: Int) throws {
        try put(Array(try scratch.lines(name).prefix(count)))
        let found = try findings()
        if count == 6 {
            // The head alone is missing, and it signs what is there.
            #expect(found.isEmpty)
        } else {
            #expect(found.count == 1)
            #expect(found.first?.problem.contains("it ends at \(count), and head.json signs it up to 6") == true)
        }
    }

    @Test func aTruncationInTheMiddleOfALineIsNamed() throws {
        try scratch.put(Array(try scratch.contents(name).dropLast(700)), name)
        #expect(try findings().contains { $0.problem.contains("cut off") })
    }

    @Test func twoLinesThatChangedPlacesAreFound() throws {
        var lines = try scratch.lines(name)
        lines.swapAt(2, 4)
        try put(lines)
        #expect(try findings().contains { $0.line == 3 })
    }

    @Test func aChainThatWasMadeAnewLacksTheSignature() throws {
        var (chain, forged) = (AuditChain(), [[UInt8]]())
        for line in try scratch.lines(name) {
            let text = String(decoding: line, as: UTF8.self).replacing("/file-3", with: "/file-9")
            let object = try #require(AuditChain.parts(of: Array(text.utf8))).object
            let next = AuditChain(sequence: chain.sequence + 1, hash: chain.hash.followed(by: object))
            forged.append(object.dropLast() + Array(",\"hash\":\"\(next.hash.text)\"}".utf8))
            chain = next
        }
        try put(forged)
        let found = try findings()
        #expect(found.contains { $0.line == 7 && $0.problem.contains("signs other records") })
        #expect(found.contains { $0.line == 6 && $0.problem.contains("head.json") })
    }

    @Test func forgedNumbersAreCountedAsFarAsThereAreNumbers() throws {
        let (first, next) = AuditChain().line("gap", at: .min) { line in
            line.add("org", "acme")
            line.add("missing", UInt64.max)
        }
        let (second, _) = next.line("gap", at: .max) { line in
            line.add("org", "acme")
            line.add("missing", UInt64.max)
        }
        try scratch.put(first + second, name)
        let report = try scratch.files.verify("acme")
        #expect(report.missing == .max && report.findingCount > 0)
        try scratch.put(Array("{\"seq\":\(UInt64.max),\"time_ns\":1,\"kind\":\"call\"}\n".utf8), name)
        #expect(try !findings().isEmpty)
    }

    @Test func filesThatWentForTheirAgeMeanwhileAreNotMissing() async throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.maximumFileBytes = 2000
        settings.maximumFiles = 4
        try await scratch.withLog(settings) { log in
            for number in 1...20 { _ = try await log.record(event("/a-\(number)")) }
            let listed = try scratch.directory().segments()
            for number in 1...10 { _ = try await log.record(event("/b-\(number)")) }
            let present = try scratch.directory().segments()
            #expect(!present.contains(listed[0]) && present.contains { listed.contains($0) })
            var verifier = AuditVerifier(org: "acme", key: log.publicKey, heads: [])
            try scratch.files.read(listed, scratch.directory(), &verifier)
            verifier.end()
            #expect(verifier.report.findings.isEmpty && verifier.report.files > 0)

            // One that lies between those that are there did not go for its age.
            try scratch.remove(present[1].name)
            #expect(throws: AuditFault.self) {
                var verifier = AuditVerifier(org: "acme", key: log.publicKey, heads: [])
                try scratch.files.read(present, scratch.directory(), &verifier)
            }
        }
    }

    @Test func aHeadOfAnotherKeyIsForged() async throws {
        let other = try Scratch()
        try await other.withLog { log in for number in 1...5 { log.add(event("/file-\(number)")) } }
        try scratch.put(try other.contents(name), name)
        #expect(try findings().contains { $0.line == 7 && $0.problem.contains("forged") })
        try scratch.put(try other.contents("head.json"), "head.json")
        #expect(try findings().contains { $0.file == "head.json" && $0.problem.contains("forged") })
    }

    @Test func aLogThatWasSetBackIsFoundByAHeadThatWasKept() async throws {
        let (old, oldHead) = (try scratch.contents(name), try scratch.contents("head.json"))
        try await scratch.withLog { $0.add(event("/later")) }
        let kept = try #require(AuditHead(file: try scratch.contents("head.json")))
        try scratch.put(old, name)
        try scratch.put(oldHead, "head.json")
        #expect(try findings().isEmpty)
        let found = try scratch.files.verify("acme", kept: kept).findings
        #expect(found.count == 1 && found.first?.problem.contains("cut off") == true)
    }

    @Test func aLogWithoutItsHeadFileIsNotWhole() throws {
        try scratch.put([], "head.json")
        #expect(try findings().contains { $0.file == "head.json" })
    }

    @Test func filesThatChangedPlacesAreFound() async throws {
        var settings = AuditSettings()
        settings.maximumFileBytes = 2000
        let scratch = try Scratch()
        try await scratch.withLog(settings) { log in for number in 1...40 { log.add(event("/file-\(number)")) } }
        try await scratch.withLog(settings) { log in for number in 1...40 { log.add(event("/b-\(number)", of: "b")) } }
        let names = try scratch.segments()
        #expect(names.count > 4)
        #expect(try scratch.files.verify("acme").findings.isEmpty)

        let (second, third) = (try scratch.contents(names[1]), try scratch.contents(names[2]))
        try scratch.put(third, names[1])
        try scratch.put(second, names[2])
        let swapped = try scratch.files.verify("acme").findings
        #expect(swapped.contains { $0.file == names[1] && $0.line == 1 && $0.problem.contains("another file") })
        try scratch.put(second, names[1])
        try scratch.put(third, names[2])

        try scratch.put(try scratch.contents(try scratch.segments(of: "b")[1], of: "b"), names[1])
        #expect(
            try scratch.files.verify("acme").findings.contains {
                $0.file == names[1] && $0.problem.contains("org \"b\"")
            }
        )
        try scratch.put(second, names[1])

        try scratch.remove(names[1])
        #expect(try scratch.files.verify("acme").findings.contains { $0.file == names[2] && $0.line == 1 })
        try scratch.put(second, names[1])
        try scratch.remove(names[0])
        #expect(
            try scratch.files.verify("acme").findings.contains { $0.problem.contains("files before it are missing") }
        )
    }
}
