import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct ScopeTests {
    private static let destroyed = Refusal(.backendDestroyed)

    @Test(arguments: identities)
    func makesItsRootOnFirstUse(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let scope = try fixture.backend.scope(try WorkspacePath("a/b"))
            #expect(try fixture.names("") == [])
            try await withThrowingTaskGroup { group in
                for number in 0..<16 {
                    group.addTask { try await scope.put("file \(number)", "x") }
                }
                for try await _ in group {}
            }
            #expect(try fixture.names("a/b").count == 16)
            #expect(try await fixture.backend.contents("a/b/file 3") == "x")
            let other = try fixture.backend.scope(try WorkspacePath("c"))
            #expect(try await other.names("/workspace") == [])
            #expect(fixture.status("c")?.st_uid == identity?.uid ?? geteuid())
        }
    }

    /// Removed by whom it is a scope of, it begins anew instead of being of no use for good.
    @Test func makesItsRootAgain() async throws {
        try await LocalFixture.with { fixture in
            let scope = fixture.backend.scoped(try WorkspacePath("a/b"))
            let inner = scope.scoped(try WorkspacePath("c"))
            let path = try WorkspacePath("file")
            for _ in 0..<2 {
                try await scope.put("file", "x")
                try await inner.put("file", "x")
                try await fixture.backend.remove("a", recursive: true)
                for backend in [scope, inner] {
                    if case .done = backend.tryRead(path, range: .all, maximum: 10) { Issue.record("read") }
                    if case .failed(let error) = backend.tryRead(path, range: .all, maximum: 10) { Issue.record(error) }
                }
                #expect(try await refusal(of: try await inner.contents("file")) == Refusal(.readFailed, .notFound))
                #expect(try fixture.names("a/b/c") == [])
                #expect(try await scope.names("/workspace") == ["c"])
            }
            for use in [
                { try await inner.put("file", "x") }, { try await inner.touchFile("file") },
                { try await inner.makeDirectory("file") },
            ] as [() async throws -> Void] {
                try await fixture.backend.remove("a", recursive: true)
                try await use()
                #expect(try fixture.names("a/b/c") == ["file"])
            }
        }
    }

    @Test(arguments: identities)
    func refusesEverythingOnceDestroyed(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("scope/inner/file", "kept")
            let scope = try fixture.backend.scope(try WorkspacePath("scope"))
            let inner = try scope.scope(try WorkspacePath("inner"))
            let unused = try scope.scope(try WorkspacePath("unused"))
            #expect(try await inner.contents("file") == "kept")
            let writer = try await inner.openWriter(try WorkspacePath("late"), options: WriteOptions())

            // A scope takes those in it with it, and nothing else.
            await scope.destroy()
            await scope.destroy()
            try await Self.expectDestroyed(scope)
            try await Self.expectDestroyed(inner)
            try await Self.expectDestroyed(unused)
            #expect(try await refusal(of: try await writer.commit()) == Self.destroyed)
            await writer.abort()
            try await fixture.backend.put("scope/inner/file", "still kept")
            let again = try fixture.backend.scope(try WorkspacePath("scope"))
            #expect(try await again.contents("inner/file") == "still kept")

            await fixture.backend.destroy()
            await fixture.backend.destroy()
            try await Self.expectDestroyed(fixture.backend)
            try await Self.expectDestroyed(again)
            #expect(try fixture.contents("scope/inner/file") == "still kept")
            #expect(try fixture.names("") == ["scope"])
        }
    }

    @Test func refusesWhatWasNeverUsed() async throws {
        try await LocalFixture.with { fixture in
            await fixture.backend.destroy()
            try await Self.expectDestroyed(fixture.backend)
        }
    }

    private static func expectDestroyed(_ backend: any Backend) async throws {
        let path = try WorkspacePath("inner/file")
        #expect(try await refusal(of: try await backend.contents("inner/file")) == destroyed)
        #expect(try await refusal(of: try await backend.openReader(path, range: .all)) == destroyed)
        #expect(try await refusal(of: try await backend.openWriter(path, options: WriteOptions())) == destroyed)
        #expect(try await refusal(of: try await backend.put("inner/file", "x")) == destroyed)
        #expect(
            try await refusal(of: try await backend.put("a", "x", options: WriteOptions(mode: .append))) == destroyed
        )
        #expect(try await refusal(of: try await backend.names("/workspace")) == destroyed)
        #expect(try await refusal(of: try await backend.info("inner/file")) == destroyed)
        #expect(try await refusal(of: try await backend.remove("inner", recursive: true, force: true)) == destroyed)
        #expect(try await refusal(of: try await backend.makeDirectory("inner")) == destroyed)
        #expect(try await refusal(of: try await backend.touchFile("inner/file")) == destroyed)
        #expect(try await refusal(of: try await backend.move("inner", to: "moved")) == destroyed)
        #expect(try await refusal(of: try await backend.duplicate("inner/file", to: "copy")) == destroyed)
        #expect(try await refusal(of: try await backend.exists(path)) == destroyed)
        #expect(try await refusal(of: try backend.scope(path)) == destroyed)
        #expect(
            try await refusal(of: try await backend.start(ExecRequest(.shellLine(Array("true".utf8))))) == destroyed
        )
        // A scope has no such way.
        guard let local = backend as? LocalFilesystemBackend else { return }
        guard case .wouldBlock = local.tryRead(path, range: .all, maximum: 100),
            case .wouldBlock = local.tryStat(path, followLink: true)
        else {
            Issue.record("answered by a destroyed backend")
            return
        }
    }
}
