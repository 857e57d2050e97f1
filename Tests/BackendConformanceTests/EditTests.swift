import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Editing {
        @Test(arguments: Subject.all)
        func textsAreReplacedInOrder(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let written = try await backend.write("f", "one\ntwo\ntwo\n", options: WriteOptions(permissions: 0o600))
                let edits = [TextEdit("one", "1"), TextEdit("two", "2", replacesAll: true), TextEdit("1\n2", "x")]
                let result = try await backend.edit("f", edits)
                #expect(result.replacements == [1, 2, 1])
                #expect(try await backend.readText("f") == "x\n2\n")
                #expect(result.info.size == 4 && result.info.etag != written.etag)
                #expect(try await backend.stat("f").etag == result.info.etag)
                #expect(try await backend.stat("f").permissions == 0o600)
                let diff = "--- a/f\n+++ b/f\n@@ -1,3 +1,2 @@\n-one\n-two\n-two\n+x\n+2\n"
                #expect(result.diff.map { String(decoding: $0, as: UTF8.self) } == diff)
            }
        }

        @Test(arguments: Subject.all)
        func aDryRunLeavesTheFileAsItIs(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let written = try await tested.backend.write("f", "a\n")
                let options = EditOptions(isDryRun: true)
                let result = try await tested.backend.edit("f", [TextEdit("a", "b")], options: options)
                #expect(
                    result.diff.map { String(decoding: $0, as: UTF8.self) } == "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
                )
                #expect(result.info.etag == written.etag)
                #expect(try await tested.backend.readText("f") == "a\n")
                #expect(try await tested.backend.stat("f").etag == written.etag)
            }
        }

        @Test(arguments: Subject.all)
        func whatIsNotThereOnceIsToldWithItsCount(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let written = try await backend.write("f", "a b a")
                let missing = try await failure {
                    try await backend.edit("f", [TextEdit("b", "c"), TextEdit("x", "y")])
                }
                #expect(Refusal(missing.code, missing.reason) == Refusal(.writeFailed, .noMatch))
                #expect(missing.editMismatch == EditMismatch(index: 1, occurrences: 0))
                let several = try await failure { try await backend.edit("f", [TextEdit("a", "y")]) }
                #expect(Refusal(several.code, several.reason) == Refusal(.writeFailed, .notUnique))
                #expect(several.editMismatch == EditMismatch(index: 0, occurrences: 2))
                let empty = try await failure { try await backend.edit("f", [TextEdit("", "y")]) }
                #expect(empty.code == .invalidArgument)
                #expect(try await backend.stat("f").etag == written.etag, "all edits or none")
                let noFile = Refusal(tested.capabilities.missingToRead, .notFound)
                #expect(try await refusal { try await backend.edit("missing", [TextEdit("a", "b")]) } == noFile)
            }
        }

        @Test(arguments: Subject.all)
        func anotherVersionIsNotEdited(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let old = try await tested.backend.write("f", "a")
                let new = try await tested.backend.write("f", "a a")
                let stale = EditOptions(expectedEtag: old.etag)
                let error = try await failure {
                    try await tested.backend.edit("f", [TextEdit("a a", "b")], options: stale)
                }
                #expect(error.code == .conflict && error.currentEtag == new.etag)
                let fresh = EditOptions(expectedEtag: new.etag)
                try await tested.backend.edit("f", [TextEdit("a a", "b")], options: fresh)
                #expect(try await tested.backend.readText("f") == "b")
            }
        }

        /// Each of them finds what it replaces, whoever was faster.
        @Test(arguments: Subject.all)
        func editsOfOneFileAtOnceAllTakeEffect(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("f", "0 1 2 3 4 5 6 7 \n")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8 {
                        group.addTask { try await backend.edit("f", [TextEdit("\(number) ", "x")]) }
                    }
                    try await group.waitForAll()
                }
                #expect(try await backend.readText("f") == "xxxxxxxx\n")
            }
        }
    }
}
