import Foundation
import Testing

@testable import AgentBackend

@Suite struct EditedTextTests {
    private static let path = WorkspacePath.root

    private static func edited(_ text: String, _ edits: [TextEdit]) throws -> (String, [UInt64]) {
        let edited = try EditedText(Array(text.utf8), edits, path, maximumBytes: 64 << 20)
        return (String(decoding: edited.bytes, as: UTF8.self), edited.replacements)
    }

    @Test func editsAreMadeInOrder() throws {
        let (text, counts) = try Self.edited(
            "a b a\n",
            [TextEdit("b", "c"), TextEdit("a", "bb", replacesAll: true), TextEdit("bb c", "x")]
        )
        #expect(text == "x bb\n")
        #expect(counts == [1, 2, 1])
        #expect(try Self.edited("aaaa", [TextEdit("aa", "a", replacesAll: true)]).0 == "aa")
        #expect(try Self.edited("a\nb\n", [TextEdit("a\nb", "")]).0 == "\n")
        #expect(try Self.edited("x", []).0 == "x")
    }

    @Test func whatIsNotThereOnceIsToldWithItsCount() throws {
        for (edits, reason, mismatch) in [
            ([TextEdit("x", "y")], BackendError.Reason.noMatch, EditMismatch(index: 0, occurrences: 0)),
            ([TextEdit("x", "y", replacesAll: true)], .noMatch, EditMismatch(index: 0, occurrences: 0)),
            ([TextEdit("b", "y"), TextEdit("a", "y")], .notUnique, EditMismatch(index: 1, occurrences: 3)),
        ] {
            let error = try #require(throws: BackendError.self) { try Self.edited("a b a a", edits) }
            #expect(error.code == .writeFailed && error.reason == reason && error.editMismatch == mismatch)
        }
        let empty = try #require(throws: BackendError.self) { try Self.edited("a", [TextEdit("", "y")]) }
        #expect(empty.code == .invalidArgument)
    }

    @Test func aResultHasItsLimit() throws {
        let text = String(repeating: "a", count: 1 << 16)
        let edit = TextEdit("a", String(repeating: "b", count: 1 << 12), replacesAll: true)
        let error = try #require(throws: BackendError.self) { try Self.edited(text, [edit]) }
        #expect(error.code == .writeFailed && error.reason == .tooLarge)
    }

    /// patch(1) makes the new text of the old one, and diff(1) has no fewer lines to change.
    @Test func aDiffIsWhatPatchTakes() throws {
        var numbers = SystemRandomNumberGenerator()
        try withScratchFile { scratch in
            for round in 0..<150 {
                func lines(_ count: Int) -> [String] {
                    (0..<count).map { _ in ["a", "b", "c", "", "dd"].randomElement(using: &numbers) ?? "" }
                }
                let old = lines(Int.random(in: 0..<30, using: &numbers))
                var new = old
                for _ in 0..<Int.random(in: 0..<6, using: &numbers) {
                    let place = Int.random(in: 0...new.count, using: &numbers)
                    let end = min(new.count, place + Int.random(in: 0..<3, using: &numbers))
                    new.replaceSubrange(place..<end, with: lines(Int.random(in: 0..<3, using: &numbers)))
                }
                func text(_ lines: [String], endsOpen: Bool) -> String {
                    lines.joined(separator: "\n") + (lines.isEmpty || (endsOpen && lines.last != "") ? "" : "\n")
                }
                let (before, after) = (text(old, endsOpen: round % 3 == 0), text(new, endsOpen: round % 5 == 0))
                let diff = UnifiedDiff(from: Array(before.utf8), to: Array(after.utf8))
                let told = try #require(diff.text(of: try WorkspacePath("f"), maximumBytes: 1 << 20))
                #expect(told.isEmpty == (before == after))
                guard before != after else { continue }
                try Data(before.utf8).write(to: URL(filePath: scratch + ".old"))
                try Data(after.utf8).write(to: URL(filePath: scratch + ".new"))
                try Data(told).write(to: URL(filePath: scratch + ".diff"))
                let patch = try run(
                    "/usr/bin/patch",
                    ["-s", "-o", scratch + ".out", scratch + ".old", scratch + ".diff"]
                )
                #expect(patch.status == 0, "\(patch.output)")
                let out = try? Data(contentsOf: URL(filePath: scratch + ".out"))
                #expect(String(decoding: out ?? Data(), as: UTF8.self) == after)
                let minimal = try run("/usr/bin/diff", ["-u", "--minimal", scratch + ".old", scratch + ".new"]).output
                func changed(_ text: String) -> Int {
                    text.split(separator: "\n").dropFirst(2).filter { $0.hasPrefix("+") || $0.hasPrefix("-") }.count
                }
                #expect(changed(String(decoding: told, as: UTF8.self)) == changed(minimal))
            }
        }
    }

    @Test func aTextThatIsAllDifferentIsOneChange() throws {
        let old = (0..<2000).map { "a\($0)\n" }.joined()
        let new = (0..<2000).map { "b\($0)\n" }.joined()
        let diff = UnifiedDiff(from: Array(old.utf8), to: Array(new.utf8))
        let text = try #require(diff.text(of: try WorkspacePath("f"), maximumBytes: 1 << 20))
        #expect(String(decoding: text, as: UTF8.self).contains("@@ -1,2000 +1,2000 @@"))
        #expect(diff.text(of: try WorkspacePath("f"), maximumBytes: 1000) == nil)
    }

    private func withScratchFile(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "edit-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory.path() + "/f")
    }

    private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
