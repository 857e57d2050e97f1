import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct RenameTests {
    private static let keeping = RenameOptions(replacesExisting: false)

    @Test(arguments: identities)
    func givesAnotherNameAndMakesTheParents(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("file", "contents")
            try await backend.move("file", to: "a/b/moved")
            try await backend.move("a/b", to: "c/d/e", Self.keeping)
            #expect(try fixture.contents("c/d/e/moved") == "contents")
            #expect(try fixture.names("") == ["a", "c"])
            #expect(fixture.status("c/d")?.st_uid == identity?.uid ?? geteuid())
            #expect(fixture.mode("c/d") == 0o755)
            // Its own name is no other.
            try await backend.move("c/d", to: "c/d")
            #expect(try fixture.contents("c/d/e/moved") == "contents")
        }
    }

    @Test(arguments: identities)
    func renamesALinkItself(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file", "contents")
            for (name, target) in [("in", "file"), ("out", fixture.outside), ("dangling", "nothing")] {
                try fixture.makeLink(name, to: target)
                try await fixture.backend.move(name, to: "moved/\(name)")
                #expect(fixture.status("moved/\(name)").map { $0.st_mode & S_IFMT } == S_IFLNK)
                #expect(fixture.status(name) == nil)
            }
            #expect(try fixture.contents("file") == "contents")
            // One that has the new name is replaced, and what it leads to is not.
            try fixture.makeLink("link", to: "file")
            try fixture.makeFile("other", "other")
            try await fixture.backend.move("other", to: "link")
            #expect(try fixture.contents("file") == "contents")
            #expect(try fixture.contents("link") == "other")
            #expect(fixture.status("link").map { $0.st_mode & S_IFMT } == S_IFREG)
        }
    }

    @Test(arguments: identities)
    func replacesWhatTheKernelLetsIt(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["file", "other", "full/file", "tree/file"] { try await backend.put(name, name) }
            try fixture.makeDirectory("empty")
            for (path, destination, reason) in [
                ("file", "empty", BackendError.Reason.isDirectory), ("file", "full", .isDirectory),
                ("tree", "file", .notDirectory), ("tree", "full", .notEmpty), ("tree/file", "tree", .notEmpty),
            ] {
                let error = try await failure(of: try await backend.move(path, to: destination))
                let isRefused =
                    Refusal(error) == Refusal(.writeFailed, reason)
                    // What holds the file: it is a directory, or it is not empty; the kernel may say either.
                    || (destination == "tree" && Refusal(error) == Refusal(.writeFailed, .isDirectory))
                #expect(isRefused, "\(path) \(destination): \(error)")
                #expect(error.message.contains("/workspace/\(destination):"), "\(error)")
            }
            try await backend.move("tree", to: "empty")
            try await backend.move("other", to: "file")
            #expect(try fixture.contents("file") == "other")
            #expect(try fixture.contents("empty/file") == "tree/file")
            #expect(try fixture.names("") == ["empty", "file", "full"])
        }
    }

    @Test(arguments: identities)
    func replacesNothingWhereItIsNotToBe(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["file", "other"] { try await backend.put(name, name) }
            for name in ["empty", "tree"] { try fixture.makeDirectory(name) }
            try fixture.makeLink("dangling", to: "nothing")
            for (path, destination) in [
                ("file", "other"), ("file", "file"), ("file", "dangling"), ("tree", "empty"), ("file", "empty"),
            ] {
                let error = try await failure(of: try await backend.move(path, to: destination, Self.keeping))
                #expect(Refusal(error) == Refusal(.writeFailed, .exists), "\(path) \(destination)")
                #expect(error.message.contains("/workspace/\(destination):"))
            }
            #expect(try fixture.names("") == ["dangling", "empty", "file", "other", "tree"])
            #expect(try fixture.contents("other") == "other")
        }
    }

    @Test(arguments: identities)
    func refusesWhatCannotBe(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("tree/sub/file", "x")
            try fixture.makeLink("alias", to: "/workspace/tree/sub")
            for destination in ["tree/moved", "tree/sub/a/b", "alias/moved"] {
                let error = try await failure(of: try await backend.move("tree", to: destination))
                #expect(Refusal(error) == Refusal(.invalidArgument), "\(destination)")
                #expect(error.message.contains("/workspace/\(destination)"))
                #expect(error.message.contains("/workspace/tree "))
            }
            for (path, destination) in [("/workspace", "x"), ("tree", "/workspace"), ("/", "tree/x")] {
                let move = try await refusal(of: try await backend.move(path, to: destination))
                #expect(move == Refusal(.writeFailed, .busy), "\(path) \(destination)")
            }
            for path in ["nothing", "nothing/below"] {
                let error = try await failure(of: try await backend.move(path, to: "made/for/it"))
                #expect(Refusal(error) == Refusal(.writeFailed, .notFound))
                #expect(error.message.contains("/workspace/\(path):"))
            }
            try fixture.makeFile("file")
            let below = try await failure(of: try await backend.move("tree", to: "file/x"))
            #expect(Refusal(below) == Refusal(.writeFailed, .notDirectory))
            #expect(below.message.contains("/workspace/file/x:"))
            #expect(try fixture.names("") == ["alias", "file", "tree"])
            #expect(try fixture.names("tree") == ["sub"])
        }
    }

    @Test(.enabled(if: isRoot))
    func keepsToPermissions() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            try fixture.makeDirectory("closed")
            try fixture.makeFile("closed/file", "x")
            try fixture.makeFile("file", "x")
            try fixture.changeMode("closed", to: 0o555)
            let backend = fixture.backend
            for (path, destination) in [("closed/file", "moved"), ("file", "closed/moved"), ("file", "closed/a/b")] {
                let move = try await refusal(of: try await backend.move(path, to: destination))
                #expect(move == Refusal(.writeFailed, .denied), "\(path) \(destination)")
            }
            #expect(try fixture.names("closed") == ["file"])
        }
    }

    /// Of many that want the same name one gets it, and none of the others loses its own.
    @Test func isDoneByOneOfMany() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<16 { try await fixture.backend.put("\(number)", "\(number)") }
            let winners = await withTaskGroup(of: Int?.self, returning: [Int].self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let move: Void? = try? await fixture.backend.move("\(number)", to: "new", Self.keeping)
                        return move == nil ? nil : number
                    }
                }
                return await group.reduce(into: []) { winners, winner in winners += winner.map { [$0] } ?? [] }
            }
            #expect(winners.count == 1)
            let (contents, names) = (try fixture.contents("new"), try fixture.names(""))
            #expect(contents == winners.first.map { "\($0)" })
            #expect(names.count == 16)
        }
    }
}
