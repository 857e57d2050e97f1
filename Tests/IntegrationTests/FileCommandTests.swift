import Foundation
import Testing

extension IntegrationTests {
    /// The commands that work on one file or directory, on both backends.
    @Suite
    struct FileCommandTests {
        private static let backends = ["local", "memory"]

        private func withBroker(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"], body)
            }
        }

        /// What a command prints with --json; nil where it fails.
        private func object(_ result: ChildProcess.Result) throws -> [String: Any]? {
            guard result.status == 0 else { return nil }
            return try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
        }

        private func error(_ result: ChildProcess.Result) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: result.errors) as? [String: Any], "\(result)")
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func mvRenames(backend: String) async throws {
            try await withBroker { broker in
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + ["--key", "a", "--backend", backend])
                }
                _ = try await broker.client("write", "--key", "a", "--backend", backend, "old", input: Data("x".utf8))
                let moved = try object(await run("mv", "--json", "old", "deep/er/new"))
                #expect(moved?["from"] as? String == "/workspace/old")
                #expect(moved?["path"] as? String == "/workspace/deep/er/new")
                #expect(try await run("exists", "old").status == 1)
                #expect(try await run("read", "deep/er/new").text == "x")

                _ = try await broker.client("write", "--key", "a", "--backend", backend, "other", input: Data("y".utf8))
                let taken = try await run("mv", "-n", "--json", "other", "deep/er/new")
                #expect(taken.status == 1)
                #expect(try error(taken)["reason"] as? String == "EXISTS")
                #expect(try await run("read", "deep/er/new").text == "x")
                #expect(try await run("mv", "other", "deep/er/new").status == 0)
                #expect(try await run("read", "deep/er/new").text == "y")
                #expect(try await run("mv", "nothing", "x").status == 1)
                #expect(try await run("mv", "old").status == 64)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func cpCopies(backend: String) async throws {
            try await withBroker { broker in
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + ["--key", "a", "--backend", backend])
                }
                for name in ["dir/one", "dir/sub/two"] {
                    let key = ["--key", "a", "--backend", backend]
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(name.utf8))
                }
                let copied = try object(await run("cp", "--json", "dir/one", "copy/of/one"))
                #expect(copied?["files"] as? Int == 1 && copied?["bytes"] as? Int == 7)
                #expect(try await run("read", "copy/of/one").text == "dir/one")
                #expect(try await run("cp", "dir", "dir2").status == 1)
                let tree = try object(await run("cp", "-r", "--json", "dir", "dir2"))
                #expect(tree?["files"] as? Int == 2 && tree?["bytes"] as? Int == 18)
                #expect(try await run("read", "dir2/sub/two").text == "dir/sub/two")
                let taken = try await run("cp", "-n", "--json", "dir/one", "dir2/one")
                #expect(taken.status == 1)
                #expect(try error(taken)["reason"] as? String == "EXISTS")
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func globFindsFiles(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                for name in ["a.txt", "dir/b.txt", "dir/.c.txt", "dir/d"] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(name.utf8))
                }
                #expect(try await run("glob", "*.txt").text == "/workspace/a.txt\n/workspace/dir/b.txt\n")
                #expect(try await run("glob", "*.txt", "dir", "--hidden").text.split(separator: "\n").count == 2)
                #expect(try await run("glob", "-a", "dir").text == "/workspace/dir\n")
                let line = try object(await run("glob", "--json", "-l", "d", "dir"))
                #expect(line?["path"] as? String == "/workspace/dir/d" && line?["size"] as? Int == 5)
                #expect(line?["type"] as? String == "file" && line?["etag"] is String)
                #expect(try await run("glob", "nothing").status == 0)
                #expect(try await run("glob", "*", "nowhere").status == 1)
                #expect(try await run("glob", "../*").status == 64)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func treeShowsDirectories(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                for name in ["a", "d/b", "d/e/c", "d/.h", "z"] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(name.utf8))
                }
                let all = "/workspace\n  a\n  d/\n    b\n    e/\n      c\n  z\n"
                #expect(try await run("tree").text == all)
                #expect(
                    try await run("tree", "d", "--depth", "1", "--hidden").text == "/workspace/d\n  .h\n  b\n  e/\n"
                )
                #expect(try await run("tree", "--exclude", "d").text == "/workspace\n  a\n  z\n")
                let cut = try await run("tree", "--limit", "2")
                #expect(cut.status == 75 && cut.text == "/workspace\n  a\n  d/\n")
                let line = try object(await run("tree", "--json", "-l", "d/e"))
                #expect(line?["path"] as? String == "/workspace/d/e/c" && line?["size"] as? Int == 5)
                #expect(try await run("tree", "nothing").status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func duCounts(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                for name in ["a", "d/b", "d/e/c"] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(name.utf8))
                }
                let all = try object(await run("du", "--json"))
                #expect(all?["files"] as? Int == 3 && all?["directories"] as? Int == 2 && all?["bytes"] as? Int == 9)
                #expect(try await run("du", "d/e").text.hasSuffix(" 5 1 0 /workspace/d/e\n"))
                #expect(try await run("du", "nothing").status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func archivesGoOutAndIn(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                for name in ["d/a", "d/e/b", "d/x.o"] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(name.utf8))
                }
                let made = try await broker.client(arguments: ["archive", "-z", "--exclude", "*.o", "d"] + key)
                #expect(made.status == 0)
                let extracted = try object(
                    await broker.client(arguments: ["extract", "--json", "copy"] + key, input: made.output)
                )
                #expect(extracted?["files"] as? Int == 2 && extracted?["directories"] as? Int == 1)
                #expect(try await broker.client(arguments: ["read", "copy/e/b"] + key).text == "d/e/b")
                let again = try await broker.client(
                    arguments: ["extract", "-n", "--json", "copy"] + key,
                    input: made.output
                )
                #expect(try again.status == 1 && error(again)["reason"] as? String == "EXISTS")
                let broken = try await broker.client(arguments: ["extract", "x"] + key, input: Data("no tar".utf8))
                #expect(broken.status == 64)
                #expect(try await broker.client(arguments: ["archive", "nothing"] + key).status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func uploadAndDownloadMoveFiles(backend: String) async throws {
            try await withScratchDirectory { directory in
                try await withBroker { broker in
                    let key = ["--key", "a", "--backend", backend]
                    let text = Data((0..<500_000).flatMap { Array("\($0)\n".utf8) })
                    try text.write(to: URL(filePath: "\(directory)/here"))
                    let sent = try object(
                        await broker.client(arguments: ["upload", "--json", "\(directory)/here", "d/there"] + key)
                    )
                    #expect(sent?["size"] as? Int == text.count)
                    let etag = try #require(sent?["etag"] as? String)
                    // What came before is not fetched again: it is found to be wrong at the end, and dropped.
                    let part = "\(directory)/back.\(etag).part"
                    try Data("wrong".utf8).write(to: URL(filePath: part))
                    #expect(
                        try await broker.client(arguments: ["download", "d/there", "\(directory)/back"] + key).status
                            != 0
                    )
                    #expect(!FileManager.default.fileExists(atPath: part))
                    try text.prefix(1_234_567).write(to: URL(filePath: part))
                    #expect(
                        try await broker.client(arguments: ["download", "d/there", "\(directory)/back"] + key).status
                            == 0
                    )
                    #expect(try Data(contentsOf: URL(filePath: "\(directory)/back")) == text)
                    #expect(!FileManager.default.fileExists(atPath: part))
                    let again = ["upload", "--create", "\(directory)/here", "d/there"] + key
                    #expect(try await broker.client(arguments: again).status == 1)
                    let sum = try await broker.client(arguments: ["checksum", "d/there"] + key).text
                    #expect(sum.hasSuffix("  /workspace/d/there\n") && sum.count == 64 + 21)
                }
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func grepFindsLines(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                for (name, text) in [("a.txt", "one\ntwo\nthree\n"), ("dir/b.py", "Two\n"), (".c", "two\n")] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(text.utf8))
                }
                #expect(try await run("grep", "two").text == "/workspace/a.txt:2:two\n")
                #expect(try await run("grep", "-i", "two").text.split(separator: "\n").count == 2)
                #expect(try await run("grep", "-E", "^t.o$", "--hidden").text.split(separator: "\n").count == 2)
                #expect(try await run("grep", "t.o").status == 1)
                #expect(try await run("grep", "-i", "two", "--include", "*.py").text == "/workspace/dir/b.py:1:Two\n")
                #expect(try await run("grep", "-i", "two", "dir").text == "/workspace/dir/b.py:1:Two\n")
                let around = "/workspace/a.txt-1-one\n/workspace/a.txt:2:two\n/workspace/a.txt-3-three\n"
                #expect(try await run("grep", "-A", "1", "-B", "1", "two").text == around)
                let line = try object(await run("grep", "--json", "-A", "1", "two"))
                #expect(line?["path"] as? String == "/workspace/a.txt" && line?["line"] as? Int == 2)
                #expect(line?["text"] as? String == "two" && line?["after"] as? [String] == ["three"])
                let broken = try await run("grep", "-E", "(")
                #expect(broken.status == 64 && broken.errorText.contains("INVALID_ARGUMENT"))
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func severalFilesAreReadInOneGo(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                let large = String(repeating: "0123456789\n", count: 100_000)
                for (name, text) in [("a", "one\n"), ("d/b", "two\n"), ("large", large)] {
                    _ = try await broker.client(arguments: ["write", name] + key, input: Data(text.utf8))
                }
                #expect(try await run("read", "d/b", "large", "a").text == "two\n" + large + "one\n")
                let some = try await run("read", "a", "nothing", "d/b")
                #expect(some.status == 1 && some.text == "one\ntwo\n" && some.errorText.contains("nothing"))
                let lines = try await run("stat", "--json", "d/b", "nothing", "a")
                #expect(lines.status == 1)
                let told = try lines.text.split(separator: "\n").map {
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
                }
                #expect(told.map { $0?["path"] as? String } == ["/workspace/d/b", "/workspace/a"])
                #expect(try await run("stat", "a", "../b").status != 0)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func editReplacesTexts(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                _ = try await broker.client(arguments: ["write", "f"] + key, input: Data("one\ntwo\none\n".utf8))
                let dry = try await run("edit", "-n", "f", "two", "2")
                #expect(dry.text == "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n one\n")
                #expect(try await run("read", "f").text == "one\ntwo\none\n")
                #expect(try await run("edit", "f", "two", "2").text == dry.text)
                let several = try await run("edit", "--json", "f", "one", "1")
                #expect(several.status == 1)
                #expect(try error(several)["reason"] as? String == "NOT_UNIQUE")
                #expect(try error(await run("edit", "--json", "f", "x", "1"))["reason"] as? String == "NO_MATCH")
                let edited = try object(await run("edit", "--json", "-a", "f", "one", "1"))
                #expect(edited?["replacements"] as? Int == 2 && edited?["size"] as? Int == 6)
                #expect(try await run("read", "f").text == "1\n2\n1\n")
                let stale = try #require(edited?["etag"] as? String)
                #expect(try await run("edit", "--if-match", stale, "f", "2", "").status == 0)
                #expect(try await run("edit", "--if-match", stale, "f", "1", "", "-a").status == 73)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func mkdirMakesDirectories() async throws {
            try await withBroker { broker in
                #expect(try await broker.client("mkdir", "--key", "a", "deep/er").status == 0)
                #expect(try await broker.client("mkdir", "--key", "a", "deep/er").status == 0)
                #expect(try await broker.client("mkdir", "--key", "a", "--no-parents", "deep/er").status == 1)
                #expect(try await broker.client("mkdir", "--key", "a", "--no-parents", "no/where").status == 1)
                let made = try object(await broker.client("mkdir", "--key", "a", "--mode", "700", "--json", "closed"))
                #expect(made?["path"] as? String == "/workspace/closed")
                let stat = try object(await broker.client("stat", "--key", "a", "--json", "closed"))
                #expect(stat?["type"] as? String == "directory" && stat?["mode"] as? String == "0700")
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func chmodChangesPermissions(backend: String) async throws {
            try await withBroker { broker in
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + ["--key", "a", "--backend", backend])
                }
                _ = try await run("touch", "f")
                #expect(try object(await run("chmod", "--json", "750", "f"))?["mode"] as? String == "0750")
                #expect(try object(await run("stat", "--json", "f"))?["mode"] as? String == "0750")
                for mode in ["4755", "+644", "x", "8"] { #expect(try await run("chmod", mode, "f").status == 64) }
                #expect(try await run("chmod", "644", "nothing").status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func lnMakesLinksInside() async throws {
            try await withBroker { broker in
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + ["--key", "a"])
                }
                _ = try await broker.client("write", "--key", "a", "f", input: Data("x".utf8))
                #expect(
                    try object(await run("ln", "-s", "--json", "../f", "d/l"))?["path"] as? String == "/workspace/d/l"
                )
                #expect(try await run("read", "d/l").text == "x")
                #expect(try object(await run("stat", "--no-follow", "--json", "d/l"))?["type"] as? String == "symlink")
                let outside = try await run("ln", "-s", "/etc/passwd", "m")
                #expect(outside.status == 1 && outside.errorText.contains("PATH_ESCAPE_ATTEMPT"))
                #expect(try await run("ln", "f", "m").status == 64)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func touchAndExists(backend: String) async throws {
            try await withBroker { broker in
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + ["--key", "a", "--backend", backend])
                }
                let missing = try await run("exists", "--json", "dir/file")
                #expect(missing.status == 1 && missing.errorText.isEmpty)
                #expect(missing.text == #"{"path":"/workspace/dir/file","exists":false}"# + "\n")
                let touched = try object(await run("touch", "--json", "dir/file"))
                #expect(touched?["size"] as? Int == 0 && touched?["type"] as? String == "file")
                #expect(try await run("exists", "dir/file").status == 0)
                let climbing = try await run("exists", "../../x")
                #expect(climbing.status == 1 && climbing.errorText.contains("PATH_ESCAPE_ATTEMPT"))
                let key = ["--key", "a", "--backend", backend]
                _ = try await broker.client(arguments: ["write", "dir/file"] + key, input: Data("content".utf8))
                #expect(try await run("touch", "dir/file").status == 0)
                #expect(try await run("read", "dir/file").text == "content")
            }
        }

        /// Who writes on top of another's version is told which one there is.
        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func writeIfMatchKeepsOthersChanges(backend: String) async throws {
            try await withBroker { broker in
                func write(_ text: String, _ more: String...) async throws -> ChildProcess.Result {
                    let arguments = ["write", "--key", "a", "--backend", backend, "--json", "file"]
                    return try await broker.client(arguments: arguments + more, input: Data(text.utf8))
                }
                let first = try #require(try object(await write("first"))?["etag"] as? String)
                let second = try #require(try object(await write("second", "--if-match", first))?["etag"] as? String)
                #expect(first != second)
                let late = try await write("late", "--if-match", first)
                #expect(late.status == 73)
                let conflict = try error(late)
                #expect(conflict["code"] as? String == "CONFLICT")
                #expect(conflict["current_etag"] as? String == second)
                for name in ["stat", "read"] {
                    let told = try object(
                        await broker.client(name, "--key", "a", "--backend", backend, "--json", "file")
                    )
                    #expect(told?["etag"] as? String == second, "\(name)")
                }
                let read = try await broker.client("read", "--key", "a", "--backend", backend, "file")
                #expect(read.text == "second")
                #expect(try await write("x", "--if-match", "no etag").status == 64)
                #expect(try await write("x", "--if-match", second, "--create").status == 64)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: backends)
        func mvCpAndRmIfMatchKeepOthersChanges(backend: String) async throws {
            try await withBroker { broker in
                let key = ["--key", "a", "--backend", backend]
                func run(_ arguments: String...) async throws -> ChildProcess.Result {
                    try await broker.client(arguments: arguments + key)
                }
                func write(_ text: String) async throws -> String {
                    let written = try await broker.client(
                        arguments: ["write", "--json", "f"] + key,
                        input: Data(text.utf8)
                    )
                    return try #require(try object(written)?["etag"] as? String)
                }
                let old = try await write("old")
                let new = try await write("new")
                for arguments in [["mv", "f", "g"], ["cp", "f", "g"], ["rm", "f"]] {
                    let stale = try await broker.client(arguments: arguments + ["--json", "--if-match", old] + key)
                    #expect(stale.status == 73)
                    #expect(try error(stale)["current_etag"] as? String == new)
                }
                #expect(try await run("cp", "--if-match", new, "f", "g").status == 0)
                #expect(try await run("read", "g").text == "new")
                #expect(try await run("rm", "--if-match", new, "f").status == 0)
                #expect(try await run("rm", "--if-match", new, "f").status == 73)
                #expect(try await run("exists", "f").status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func limitsAreToldInNumbers() async throws {
            try await withScratchDirectory { directory in
                let limits = "memory: { max_bytes_per_org: 64KiB }\n"
                let orgs = try await OrgFile(orgs: ["acme"], in: directory, preamble: limits)
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    let large = try await broker.client(
                        arguments: ["write", "--key", "a", "--backend", "memory", "--json", "file"],
                        token: orgs.tokens["acme"],
                        input: Data(repeating: 1, count: 100_000)
                    )
                    #expect(large.status == 75, "\(large)")
                    let limit = try #require(try error(large)["limit"] as? [String: Any])
                    #expect(limit["name"] as? String == "memory_bytes")
                    #expect(limit["allowed"] as? Int == 64 << 10)
                }
            }
        }
    }
}
