import AgentBackend
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct IdentityTests {
    private static let other = HostIdentity(uid: 200_001, gid: 200_002)

    @Test(.enabled(if: isRoot))
    func isAssumedAndGivenBack() throws {
        #expect(Self.isOwn)
        let within = FileIdentity.perform(as: Self.other) {
            linux_check_file_identity(Self.other.uid, Self.other.gid)
        }
        #expect(within == 0)
        #expect(Self.isOwn)
        #expect(throws: BackendError.self) {
            try FileIdentity.perform(as: Self.other) { () -> Result<Void, BackendError> in
                .failure(BackendError(.internal, message: "failed"))
            }.get()
        }
        #expect(Self.isOwn)
        #expect(FileIdentity.perform(as: nil) { Self.isOwn })
        try FileIdentity.prove(Self.other)
        #expect(Self.isOwn)
        #expect(linux_check_file_identity(geteuid(), getegid() &+ 1) == -EPERM)
        #expect(linux_check_file_identity(geteuid() &+ 1, getegid()) == -EPERM)
    }

    /// The permissions of a file hold, which hold for no other thread of root.
    @Test(.enabled(if: isRoot))
    func dropsWhatRootMay() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("closed", "x", mode: 0)
            let path = fixture.path("closed")
            let (asOther, number) = FileIdentity.perform(as: Self.other) {
                let descriptor = open(path, O_RDONLY | O_CLOEXEC)
                return (descriptor, errno)
            }
            #expect(asOther == -1)
            #expect(number == EACCES)
            let asRoot = open(path, O_RDONLY | O_CLOEXEC)
            #expect(asRoot >= 0)
            close(asRoot)
        }
    }

    /// On a file thread, after each operation, whether it did well or not.
    @Test(.enabled(if: isRoot))
    func isGivenBackByEveryOperation() async throws {
        try await LocalFixture.with(identities.last ?? nil, threadCount: 1) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("closed", "x", mode: 0)
            let path = try WorkspacePath("closed")
            func check(_ body: () async throws -> Void) async throws {
                try? await body()
                #expect(try await fixture.threads.run { () throws(BackendError) in Self.isOwn })
            }
            try await check { try await backend.put("a/b/file", "x") }
            try await check { try await backend.put("a/b/file", "x", options: WriteOptions(mode: .append)) }
            try await check { try await backend.put("closed", "x") }
            try await check { _ = try await backend.contents("a/b/file") }
            try await check { _ = try await backend.contents("closed") }
            try await check { _ = try await backend.names("a") }
            try await check { _ = try await backend.names("closed") }
            try await check { _ = try await backend.info("nothing") }
            try await check { try await backend.makeDirectory("a/b/directory") }
            try await check { try await backend.makeDirectory("closed/directory") }
            try await check { try await backend.touchFile("a/b/touched") }
            try await check { try await backend.touchFile("closed/touched") }
            try await check { try await backend.duplicate("a", to: "copy", CopyOptions(recursive: true)) }
            try await check { try await backend.duplicate("closed", to: "copy") }
            try await check { try await backend.move("copy", to: "a/copy") }
            try await check { try await backend.move("closed", to: "closed/x") }
            try await check { try await backend.remove("a", recursive: true) }
            try await check { try await backend.remove("nothing") }
            try await check { _ = try await backend.openWriter(path, options: WriteOptions()) }
            try await check { _ = try await backend.scope(try WorkspacePath("closed/scope")).names("") }
        }
    }

    @Test(.enabled(if: isRoot))
    func ownsWhatItMakes() async throws {
        let identity = try #require(identities.last ?? nil)
        try await LocalFixture.with(identity) { fixture in
            // Root's mask is not the org's.
            try await fixture.backend.put("a/new", "x", options: WriteOptions(permissions: 0o666))
            try await fixture.backend.put("a/log", "x", options: WriteOptions(mode: .append))
            try fixture.makeFile("mine", "x")
            try await fixture.backend.put("mine", "y")
            let scope = try fixture.backend.scope(try WorkspacePath("s/t"))
            try await scope.put("file", "x")
            #expect(fixture.mode("a/new") == 0o666)
            for name in ["a", "a/new", "a/log", "mine", "s", "s/t", "s/t/file"] {
                let status = try #require(fixture.status(name))
                #expect(status.st_uid == identity.uid, "\(name)")
                #expect(status.st_gid == identity.gid, "\(name)")
            }
        }
    }

    private static var isOwn: Bool { linux_check_file_identity(geteuid(), getegid()) == 0 }
}
