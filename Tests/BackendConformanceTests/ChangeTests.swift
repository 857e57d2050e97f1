import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Touching {
        @Test(arguments: Subject.all)
        func touchMakesAnEmptyFileWithItsParents(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let info = try await tested.backend.touch("a/b")
                #expect(info.kind == .regular)
                #expect(info.size == 0)
                #expect(try await tested.backend.read("a/b").readableBytes == 0)
            }
        }

        @Test(arguments: Subject.all)
        func touchNeverOverwrites(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let written = try await tested.backend.write("f", "kept")
                let touched = try await tested.backend.touch("f")
                #expect(touched.size == 4)
                #expect(touched.modifiedNanoseconds >= written.modifiedNanoseconds)
                #expect(try await tested.backend.readText("f") == "kept")
                try await tested.backend.write("d/f", "x")
                #expect(try await tested.backend.touch("d").kind == .directory)
            }
        }
    }

    @Suite struct ChangingPermissions {
        @Test(arguments: Subject.all)
        func permissionsAreWhatTheyAreSetTo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "x")
                for permissions: UInt32 in [0o600, 0, 0o755] {
                    #expect(try await tested.backend.chmod("f", permissions: permissions).permissions == permissions)
                    #expect(try await tested.backend.stat("f").permissions == permissions)
                }
                #expect(try await tested.backend.readText("f") == "x")
                for permissions: UInt32 in [0o1000, 0o4755, .max] {
                    let wrong = try await failure { try await tested.backend.chmod("f", permissions: permissions) }
                    #expect(wrong.code == .invalidArgument)
                }
                #expect(try await tested.backend.stat("f").permissions == 0o755)
                let missing = Refusal(tested.capabilities.missingToChange, .notFound)
                #expect(try await refusal { try await tested.backend.chmod("missing", permissions: 0o600) } == missing)
                try await tested.backend.write("d/f", "x")
                guard tested.capabilities.hasDirectories else {
                    let directory = try await refusal { try await tested.backend.chmod("d", permissions: 0o700) }
                    #expect(directory == Refusal(.writeFailed, .isDirectory))
                    return
                }
                #expect(try await tested.backend.chmod("d", permissions: 0o700).kind == .directory)
                #expect(try await tested.backend.stat("d").permissions == 0o700)
                #expect(try await failure { try await tested.backend.chmod("", permissions: 0) }.reason == .busy)
            }
        }
    }

    @Suite struct Linking {
        @Test(arguments: Subject.all)
        func aLinkLeadsInsideAlone(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                guard tested.capabilities.hasDirectories else {
                    #expect(try await failure { try await backend.symlink("l", to: "f") }.code == .notImplemented)
                    return
                }
                try await backend.write("f", "x")
                for (link, target) in [
                    ("a/b/l", "../../f"), ("l", "/workspace/f"), ("a/l", "/workspace/a/b/l"), ("a/m", "./b//../b/l"),
                ] {
                    try await backend.symlink(link, to: target)
                    #expect(try await backend.readText(link) == "x", "\(link)")
                    let path = try WorkspacePath(link)
                    #expect(try await backend.stat(path, followLink: false).kind == .symbolicLink)
                }
                for (link, target) in [
                    ("m", "../f"), ("a/n", "../../f"), ("a/n", "b/../../../f"), ("m", "/etc/passwd"), ("m", "/"),
                    ("m", "/workspaces/f"), ("m", "/workspace/../f"), ("new/n", "../../f"),
                ] {
                    let error = try await failure { try await backend.symlink(link, to: target) }
                    #expect(error.code == .pathEscapeAttempt, "\(target)")
                }
                #expect(try await !backend.exists("new"), "what is refused makes nothing")
                for target in ["", "a\0", String(repeating: "x", count: 256), String(repeating: "x/", count: 2048)] {
                    #expect(try await failure { try await backend.symlink("m", to: target) }.code == .invalidArgument)
                }
                #expect(try await !backend.exists("m"))
                let exists = Refusal(.writeFailed, .exists)
                #expect(try await refusal { try await backend.symlink("f", to: "l") } == exists)
                #expect(try await refusal { try await backend.symlink("l", to: "f") } == exists)
                try await backend.symlink("dangling", to: "nowhere")
                #expect(try await !backend.exists("dangling"))
                try await backend.write("nowhere", "y")
                #expect(try await backend.readText("dangling") == "y")
            }
        }
    }

    @Suite struct Renaming {
        @Test(arguments: Subject.all)
        func aFileIsMovedAndParentsAreMade(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "x", options: WriteOptions(permissions: 0o600))
                try await tested.backend.rename("f", to: "a/b/g")
                #expect(try await tested.backend.readdir("") == ["a"])
                #expect(try await tested.backend.readText("a/b/g") == "x")
                #expect(try await tested.backend.stat("a/b/g").permissions == 0o600)
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryIsMovedWithAllThatIsInIt(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for path in ["d/a", "d/b/c", "d.txt"] { try await tested.backend.write(path, path) }
                try await tested.backend.rename("d", to: "e")
                #expect(try await tested.backend.readdir("") == ["d.txt", "e"])
                #expect(try await tested.backend.readText("e/b/c") == "d/b/c")
                #expect(try await failure { try await tested.backend.rename("e", to: "e/b/x") }.code != .internal)
                #expect(try await tested.backend.readText("e/b/c") == "d/b/c", "nothing goes into itself")
            }
        }

        @Test(arguments: Subject.all)
        func whatIsThereIsReplacedUnlessItMayNotBe(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "new")
                try await tested.backend.write("g", "old")
                let path = try (WorkspacePath("f"), WorkspacePath("g"))
                let exists = Refusal(.writeFailed, .exists)
                let options = RenameOptions(replacesExisting: false)
                #expect(
                    try await refusal { try await tested.backend.rename(path.0, to: path.1, options: options) }
                        == exists
                )
                #expect(try await tested.backend.readText("g") == "old")
                try await tested.backend.rename("f", to: "g")
                #expect(try await tested.backend.readdir("") == ["g"])
                #expect(try await tested.backend.readText("g") == "new")
                try await tested.backend.rename("g", to: "g")
                #expect(try await tested.backend.readText("g") == "new")
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryDoesNotReplaceAFile(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "kept")
                try await tested.backend.write("d/g", "x")
                let file = Refusal(.writeFailed, .notDirectory)
                #expect(try await refusal { try await tested.backend.rename("d", to: "f") } == file)
                #expect(try await refusal { try await tested.backend.copy("d", to: "f", recursive: true) } == file)
                #expect(try await tested.backend.readText("f") == "kept")
                #expect(try await tested.backend.readText("d/g") == "x")
                try await tested.backend.rm("f", recursive: true)
                #expect(try await tested.backend.readdir("") == ["d"])
            }
        }

        @Test(arguments: Subject.all)
        func whatIsMissingCannotBeMoved(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let missing = Refusal(tested.capabilities.missingToChange, .notFound)
                #expect(try await refusal { try await tested.backend.rename("missing", to: "x") } == missing)
                #expect(try await tested.backend.readdir("") == [])
            }
        }
    }

    @Suite struct Copying {
        @Test(arguments: Subject.all)
        func aFileIsCopiedAndParentsAreMade(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let original = try await tested.backend.write("f", "12345", options: WriteOptions(permissions: 0o600))
                let result = try await tested.backend.copy("f", to: "a/g")
                #expect(result == CopyResult(files: 1, bytes: 5))
                try await tested.backend.write("f", "other")
                #expect(try await tested.backend.readText("a/g") == "12345")
                let copied = try await tested.backend.stat("a/g")
                #expect(copied.permissions == 0o600)
                #expect(copied.etag != original.etag, "another file")
            }
        }

        @Test(arguments: Subject.all)
        func aTreeIsCopiedWhereThatIsAskedFor(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for path in ["d/a", "d/b/c"] { try await tested.backend.write(path, path) }
                let directory = Refusal(.writeFailed, .isDirectory)
                #expect(try await refusal { try await tested.backend.copy("d", to: "e") } == directory)
                let result = try await tested.backend.copy("d", to: "e", recursive: true)
                #expect(result == CopyResult(files: 2, bytes: 8))
                #expect(try await tested.backend.readText("e/b/c") == "d/b/c")
                #expect(try await tested.backend.readText("d/b/c") == "d/b/c")
            }
        }

        @Test(arguments: Subject.all)
        func whatIsThereIsReplacedUnlessItMayNotBe(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "new")
                try await tested.backend.write("g", "old")
                let path = try (WorkspacePath("f"), WorkspacePath("g"))
                let exists = Refusal(.writeFailed, .exists)
                let options = CopyOptions(replacesExisting: false)
                #expect(
                    try await refusal { try await tested.backend.copy(path.0, to: path.1, options: options) } == exists
                )
                #expect(try await tested.backend.readText("g") == "old")
                try await tested.backend.copy("f", to: "g")
                #expect(try await tested.backend.readText("g") == "new")
            }
        }

        @Test(arguments: Subject.all)
        func whatIsMissingCannotBeCopied(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let missing = Refusal(tested.capabilities.missingToChange, .notFound)
                #expect(try await refusal { try await tested.backend.copy("missing", to: "x") } == missing)
                #expect(try await tested.backend.readdir("") == [])
            }
        }
    }

    @Suite struct Keys {
        @Test(arguments: Subject.all)
        func keysAreListedByPrefixAndRemoved(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                guard tested.capabilities.hasKeys else {
                    #expect(try await failure { try await tested.backend.listKeys() }.code == .notImplemented)
                    #expect(try await failure { try await tested.backend.clearKeys() }.code == .notImplemented)
                    let key = try WorkspacePath("a")
                    #expect(try await failure { try await tested.backend.deleteKey(key) }.code == .notImplemented)
                    return
                }
                for key in ["agents/1/task", "agents/2", "agents.txt", "b"] { try await tested.backend.write(key, "x") }
                #expect(try await tested.backend.listKeys() == ["agents/1/task", "agents/2", "agents.txt", "b"])
                #expect(try await tested.backend.listKeys("agents/") == ["agents/1/task", "agents/2"])
                #expect(try await tested.backend.listKeys("agents") == ["agents/1/task", "agents/2", "agents.txt"])
                #expect(try await tested.backend.deleteKey(try WorkspacePath("b")))
                #expect(try await !tested.backend.deleteKey(try WorkspacePath("b")))
                #expect(try await !tested.backend.deleteKey(try WorkspacePath("agents")), "nothing below it goes")
                try await tested.outermost.write("elsewhere", "x")
                let isItself = subject.depth == .itself
                #expect(try await tested.backend.clearKeys() == (isItself ? 4 : 3))
                #expect(try await tested.backend.listKeys() == [])
                #expect(try await tested.outermost.exists("elsewhere") != isItself, "a scope clears its own alone")
            }
        }

        @Test(arguments: Subject.all)
        func keysAreListedAPageAtATime(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                guard tested.capabilities.hasKeys else { return }
                for key in ["a", "b", "c"] { try await tested.backend.write(key, "x") }
                let first = try await tested.backend.listKeys(prefix: [], options: ListKeysOptions(limit: 2))
                #expect(first.isTruncated)
                #expect(first.keys.map(\.bytes) == ["a", "b"].map { Array($0.utf8) })
                let rest = try await tested.backend.listKeys(
                    prefix: [],
                    options: ListKeysOptions(after: Array("b".utf8), limit: 2)
                )
                #expect(!rest.isTruncated)
                #expect(rest.keys.map(\.bytes) == [Array("c".utf8)])
            }
        }
    }
}
