import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Copies of directories.
@Suite struct CopyTreeTests {
    private static let tree = CopyOptions(recursive: true)
    private static let keeping = CopyOptions(recursive: true, replacesExisting: false)

    @Test(arguments: identities)
    func copiesATree(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["tree/a", "tree/b/c/d", "tree/b/e"] { try await backend.put(name, name) }
            try fixture.makeDirectory("tree/empty", mode: 0o700)
            try fixture.makeFile("tree/fixed", "fixed", mode: 0o444)
            try fixture.makeLink("tree/b/link", to: "../a")
            try fixture.makeLink("tree/out", to: fixture.outside)
            try fixture.makeLink("tree/dangling", to: "nothing")
            try fixture.changeMode("tree/b", to: 0o555)
            let result = try await backend.duplicate("tree", to: "x/y", Self.tree)
            #expect(result.files == 7)
            #expect(result.bytes == UInt64("tree/atree/b/c/dtree/b/efixed".utf8.count))
            for (name, contents) in [("a", "tree/a"), ("b/c/d", "tree/b/c/d"), ("b/e", "tree/b/e"), ("fixed", "fixed")]
            {
                #expect(try fixture.contents("x/y/\(name)") == contents)
            }
            #expect(try fixture.names("x/y") == ["a", "b", "dangling", "empty", "fixed", "out"])
            for name in ["b/link", "out", "dangling"] {
                #expect(fixture.status("x/y/\(name)").map { $0.st_mode & S_IFMT } == S_IFLNK)
            }
            #expect(try fixture.target("x/y/out") == fixture.outside)
            for name in ["", "/empty", "/fixed", "/b", "/b/c", "/a"] {
                #expect(fixture.mode("x/y" + name) == fixture.mode("tree" + name), "\(name)")
                #expect(fixture.status("x/y" + name)?.st_uid == identity?.uid ?? geteuid())
            }
            for name in ["tree", "x/y"] { try fixture.changeMode("\(name)/b", to: 0o755) }
        }
    }

    /// One that is there already is copied into; what is in it and not in the other stays.
    @Test(arguments: identities)
    func mergesIntoADirectory(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["tree/a", "tree/both/b", "tree/link"] { try await backend.put(name, "new") }
            try fixture.makeLink("tree/c", to: "a")
            try fixture.makeLink("tree/d", to: "a")
            for name in ["into/a", "into/both/own", "into/c", "elsewhere"] { try await backend.put(name, "old") }
            try fixture.makeLink("into/d", to: "elsewhere")
            try fixture.makeLink("into/link", to: "../elsewhere")
            try fixture.makeLink("alias", to: "/workspace/into")
            try fixture.changeMode("into/both", to: 0o700)
            let result = try await backend.duplicate("tree", to: "alias", Self.tree)
            #expect(result == CopyResult(files: 5, bytes: 9))
            #expect(try fixture.names("into") == ["a", "both", "c", "d", "link"])
            #expect(try fixture.names("into/both") == ["b", "own"])
            #expect(try fixture.contents("into/both/own") == "old")
            // A link in the way is replaced, and not what it leads to.
            #expect(fixture.status("into/link").map { $0.st_mode & S_IFMT } == S_IFREG)
            #expect(try fixture.contents("elsewhere") == "old")
            for name in ["c", "d"] { #expect(try fixture.target("into/\(name)") == "a") }
            #expect(fixture.mode("into/both") == 0o700)
        }
    }

    @Test(arguments: identities)
    func replacesNothingWhereItIsNotTo(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["tree/a", "tree/b", "tree/sub/c"] { try await backend.put(name, "new") }
            try fixture.makeLink("tree/link", to: "a")
            try await backend.put("into/b", "old")
            try await backend.put("into/link", "old")
            let error = try await failure(of: try await backend.duplicate("tree", to: "into", Self.keeping))
            #expect(Refusal(error) == Refusal(.writeFailed, .exists))
            #expect(error.message.contains("/workspace/tree/"))
            // The rest was copied.
            #expect(try fixture.names("into") == ["a", "b", "link", "sub"])
            #expect(try fixture.contents("into/b") == "old")
            #expect(try fixture.contents("into/link") == "old")
            #expect(try fixture.contents("into/sub/c") == "new")
        }
    }

    /// As cp(1): what can be copied is, and of the rest the first is told of.
    @Test(arguments: identities)
    func passesOverWhatItCannotCopy(_ identity: HostIdentity?) async throws {
        let limits = LocalFilesystemLimits(maximumFileBytes: 10)
        try await LocalFixture.with(identity, limits: limits) { fixture in
            let backend = fixture.backend
            for name in ["tree/file", "tree/z/file", "into/directory/x", "into/file2"] {
                try await backend.put(name, "x")
            }
            func copy(_ reason: BackendError.Reason, _ name: String) async throws {
                let error = try await failure(of: try await backend.duplicate("tree", to: "into", Self.tree))
                #expect(Refusal(error) == Refusal(.writeFailed, reason), "\(name)")
                #expect(error.message.contains("/workspace/tree/\(name)"), "\(error)")
                #expect(try fixture.contents("into/file") == "x")
                #expect(try fixture.contents("into/z/file") == "x")
                try await backend.remove("tree/\(name)", recursive: true)
                try await backend.remove("into/file")
                try await backend.remove("into/z", recursive: true)
            }
            for name in try fixture.makeSpecialFiles() {
                try #require(rename(fixture.path(name), fixture.path("tree/z/\(name)")) == 0)
                try await copy(.notRegular, "z/\(name)")
            }
            // Nor is one replaced that is in the way.
            for name in try fixture.makeSpecialFiles(in: "into").map({ String($0.dropFirst("into/".count)) }) {
                try await backend.put("tree/\(name)", "x")
                try await copy(.notRegular, name)
            }
            try fixture.makeFile("tree/large", "0123456789a")
            try await copy(.tooLarge, "large")
            try fixture.makeFile("tree/directory", "x")
            try await copy(.isDirectory, "directory")
            try fixture.makeDirectory("tree/file2")
            try await copy(.notDirectory, "file2")
            if identity != nil {
                try fixture.makeFile("tree/unreadable", "x", mode: 0o200)
                try await copy(.denied, "unreadable")
                try fixture.makeDirectory("tree/closed", mode: 0)
                try await copy(.denied, "closed")
            }
        }
    }

    @Test(arguments: identities)
    func doesNotCopyADirectoryIntoItself(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("tree/sub/file", "x")
            try fixture.makeLink("alias", to: "/workspace/tree/sub")
            try fixture.makeLink("source", to: "tree")
            for (path, destination) in [
                ("tree", "tree/copy"), ("tree", "tree/sub/a/b"), ("tree", "alias/copy"), ("source", "tree/copy"),
                ("source", "alias"),
            ] {
                let error = try await failure(of: try await backend.duplicate(path, to: destination, Self.tree))
                #expect(Refusal(error) == Refusal(.invalidArgument), "\(path) \(destination)")
                #expect(error.message.contains("/workspace/\(destination)"))
            }
            #expect(try fixture.names("tree") == ["sub"])
            #expect(try fixture.names("tree/sub") == ["file"])
            for (path, destination) in [("/workspace", "x"), ("tree", "/workspace")] {
                let copy = try await refusal(of: try await backend.duplicate(path, to: destination, Self.tree))
                #expect(copy == Refusal(.writeFailed, .busy))
            }
            // Neither what only begins with the same letters, nor itself, is in it.
            try await backend.duplicate("tree", to: "tree2", Self.tree)
            try await backend.duplicate("tree", to: "source", Self.tree)
            #expect(try fixture.contents("tree2/sub/file") == "x")
            #expect(try fixture.names("tree") == ["sub"])
        }
    }

    /// The names do not tell, the inodes do: a directory that is in the tree a second time ends the copy there.
    @Test(.enabled(if: LocalFixture.canMount))
    func endsWhereItComesUponItself() async throws {
        try await LocalFixture.with { fixture in
            try await fixture.backend.put("tree/file", "x")
            try fixture.makeDirectory("tree/mounted")
            try fixture.makeDirectory("into")
            try #require(mount(fixture.path("into"), fixture.path("tree/mounted"), nil, UInt(MS_BIND), nil) == 0)
            defer { umount2(fixture.path("tree/mounted"), Int32(MNT_DETACH)) }
            let copy = try await refusal(of: try await fixture.backend.duplicate("tree", to: "into", Self.tree))
            #expect(copy == Refusal(.invalidArgument))
            #expect(try fixture.contents("into/file") == "x")
            #expect(try fixture.names("into") == ["file"])
        }
    }

    /// Deeper than descriptors are there and than a stack reaches, with branches on the way.
    @Test(arguments: identities)
    func copiesADeepTree(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let depth = 600
            try fixture.makeDirectory("tree")
            try fixture.makeDeepTree("tree", depth: depth)
            let descriptors = fixture.openDescriptors.count
            let most = Flag()
            try await Opponent.against {
                if fixture.openDescriptors.count > descriptors + 140 { most.set() }
            } _: {
                let result = try await fixture.backend.duplicate("tree", to: "copy", Self.tree)
                #expect(result == CopyResult(files: UInt64(depth / 10), bytes: UInt64(depth / 10)))
            }
            #expect(!most.isSet, "it keeps a descriptor open for each level")
            var directory = open(fixture.path("copy"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            for level in 0..<depth {
                if level.isMultiple(of: 10) { try #require(faccessat(directory, "side/file", R_OK, 0) == 0) }
                let next = openat(directory, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                close(directory)
                try #require(next >= 0, "\(level)")
                directory = next
            }
            var status = stat()
            #expect(fstat(directory, &status) == 0 && status.st_mode & 0o7777 == 0o750)
            close(directory)
            for name in ["tree", "copy"] { try await fixture.backend.remove(name, recursive: true) }
        }
    }

    @Test func endsWhenItIsCancelled() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<50 { try await fixture.backend.put("tree/\(number)/file", "x") }
            let cancellation = FileCancellation()
            let files = try fixture.files(cancellation)
            cancellation.cancel()
            #expect {
                try files.copy(try WorkspacePath("tree"), to: try WorkspacePath("copy"), options: Self.tree)
            } throws: { error in
                guard case .cancelled? = error as? DirectoryAccess.Failure else { return false }
                return true
            }
            #expect(try fixture.names("copy") == [])
        }
    }

    /// What is removed, renamed and made meanwhile may be in the copy or not; what stays is.
    @Test func survivesThatTheTreeChangesMeanwhile() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<20 { try await fixture.backend.put("tree/\(number)/kept", "kept") }
            let (first, second) = (fixture.path("tree/moving"), fixture.path("tree/3/moved"))
            let link = fixture.path("tree/5/link")
            try await Opponent.against {
                mkdir(first, 0o755)
                close(open(first + "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
                rename(first, second)
                unlink(second + "/file")
                rmdir(second)
                symlink("kept", link)
                unlink(link)
            } _: {
                for round in 0..<30 {
                    do {
                        try await fixture.backend.duplicate("tree", to: "copy \(round)", Self.tree)
                    } catch let error as BackendError where error.reason == .notFound {
                        // Something vanished while it was copied.
                    }
                    for number in 0..<20 {
                        #expect(try fixture.contents("copy \(round)/\(number)/kept") == "kept")
                    }
                }
            }
        }
    }
}
