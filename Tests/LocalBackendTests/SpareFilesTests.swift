import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Displaced files that are written to again, and those that must not be.
@Suite struct SpareFilesTests {
    /// Writes "1", "2" and "3" to the file, and says whether the third is where the first was.
    private func isUsedAgain(
        in fixture: LocalFixture,
        displaced: () throws -> Void = {}
    ) async throws -> Bool {
        let file = try WorkspacePath("file")
        try await fixture.backend.write(file, ByteBuffer(string: "1"), options: WriteOptions())
        let inode = try #require(fixture.status("file")).st_ino
        try displaced()
        try await fixture.backend.write(file, ByteBuffer(string: "2"), options: WriteOptions())
        try await fixture.backend.write(file, ByteBuffer(string: "3"), options: WriteOptions())
        #expect(try fixture.contents("file") == "3")
        return try #require(fixture.status("file")).st_ino == inode
    }

    @Test func whatIsDisplacedIsUsedAgain() async throws {
        try await LocalFixture.with { fixture in
            let isUsedAgain = try await isUsedAgain(in: fixture)
            #expect(isUsedAgain)
        }
    }

    /// Of any size, and with the permissions of what is replaced.
    @Test func holdsWhatIsWrittenAndNothingOfWhatItWas() async throws {
        try await LocalFixture.with { fixture in
            let file = try WorkspacePath("file")
            try fixture.makeFile("file", "first", mode: 0o751)
            for length in [0, 60_000, 1, 4096, 4095, 65_536, 65_537, 17, 0, 3] {
                let contents = String(repeating: "\(length % 7)", count: length)
                let info = try await fixture.backend.write(file, ByteBuffer(string: contents), options: WriteOptions())
                #expect(try fixture.contents("file") == contents)
                #expect(info.size == UInt64(length))
                #expect(try await fixture.backend.stat("file").etag == info.etag)
                #expect(fixture.mode("file") == 0o751)
                #expect(try fixture.names(absolute: fixture.temporary).count <= SpareFiles.maximumCount)
            }
        }
    }

    /// They see the version that they opened, whatever is written after.
    @Test(arguments: [O_RDONLY, O_WRONLY, O_RDWR])
    func whatSomebodyHasOpenIsNot(flags: Int32) async throws {
        try await LocalFixture.with { fixture in
            var descriptor: Int32 = -1
            defer { close(descriptor) }
            let isUsedAgain = try await isUsedAgain(in: fixture) {
                descriptor = open(fixture.path("file"), flags | O_CLOEXEC)
                try #require(descriptor >= 0)
            }
            #expect(!isUsedAgain)
            var byte: UInt8 = 0
            if flags != O_WRONLY { #expect(pread(descriptor, &byte, 1, 0) == 1 && byte == UInt8(ascii: "1")) }
        }
    }

    @Test func whatIsMappedIsNot() async throws {
        try await LocalFixture.with { fixture in
            var mapping: UnsafeMutableRawPointer?
            defer { munmap(mapping, 1) }
            let isUsedAgain = try await isUsedAgain(in: fixture) {
                let descriptor = open(fixture.path("file"), O_RDONLY | O_CLOEXEC)
                mapping = mmap(nil, 1, PROT_READ, MAP_SHARED, descriptor, 0)
                close(descriptor)
                try #require(mapping != MAP_FAILED)
            }
            #expect(!isUsedAgain)
            #expect(mapping?.load(as: UInt8.self) == UInt8(ascii: "1"))
        }
    }

    @Test func whatHasAnotherNameIsNot() async throws {
        try await LocalFixture.with { fixture in
            let isUsedAgain = try await isUsedAgain(in: fixture) {
                try #require(link(fixture.path("file"), fixture.path("other")) == 0)
            }
            #expect(!isUsedAgain)
            #expect(try fixture.contents("other") == "1")
        }
    }

    /// They would outlive what they were given to. (The number of an inode tells nothing here: it may be given out anew.)
    @Test func whatHasAttributesIsNot() async throws {
        try await LocalFixture.with { fixture in
            _ = try await isUsedAgain(in: fixture) {
                #expect(addAttribute("user.secret", to: fixture.path("file")))
            }
            #expect(addAttribute("user.secret", to: fixture.path("file")))
        }
    }

    /// False: it has one of that name. setxattr(2), which Glibc's Swift module does not import.
    private func addAttribute(_ name: String, to path: String) -> Bool {
        typealias Call =
            @convention(c) (
                UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32
            ) -> Int32
        guard let call = dlsym(nil, "setxattr").map({ unsafeBitCast($0, to: Call.self) }) else { return false }
        let create: Int32 = 1
        return call(path, name, "x", 1, create) == 0
    }

    @Test(.enabled(if: isRoot)) func whatBelongsToAnotherIsNot() async throws {
        try await LocalFixture.with { fixture in
            try await fixture.backend.write("file", "0", options: WriteOptions())
            let uid = try #require(fixture.status("file")).st_uid
            _ = try await isUsedAgain(in: fixture) {
                try #require(chown(fixture.path("file"), 12_345, 12_345) == 0)
                try #require(chmod(fixture.path("file"), 0o666) == 0)
            }
            #expect(fixture.status("file")?.st_uid == uid)
        }
    }

    @Test func whatIsLargeIsNotKept() async throws {
        try await LocalFixture.with { fixture in
            let large = String(repeating: "1", count: SpareFiles.maximumBytes + 1)
            try await fixture.backend.write("file", large, options: WriteOptions())
            try await fixture.backend.write("file", "2", options: WriteOptions())
            #expect(try fixture.names(absolute: fixture.temporary).isEmpty)
        }
    }

    /// A command in there may have kept a descriptor that leads to it.
    @Test func whatAnotherScopeDisplacedIsNot() async throws {
        try await LocalFixture.with { fixture in
            let file = try WorkspacePath("file")
            let scopes = [try fixture.backend.scope("one"), try fixture.backend.scope("two")]
            try await scopes[0].write(file, ByteBuffer(string: "1"), options: WriteOptions())
            let inode = try #require(fixture.status("one/file")).st_ino
            try await scopes[0].write(file, ByteBuffer(string: "2"), options: WriteOptions())
            for text in ["1", "2", "3"] {
                try await scopes[1].write(file, ByteBuffer(string: text), options: WriteOptions())
                #expect(try #require(fixture.status("two/file")).st_ino != inode)
            }
        }
    }

    @Test func fewAreKeptAndNoneAfterTheEnd() async throws {
        try await LocalFixture.with { fixture in
            for round in 0..<2 {
                for number in 0..<10 {
                    try await fixture.backend.write("file-\(number)", "\(round)", options: WriteOptions())
                }
            }
            #expect(try !fixture.names(absolute: fixture.temporary).isEmpty)
            #expect(try fixture.names(absolute: fixture.temporary).count <= SpareFiles.maximumCount)
            await fixture.backend.destroy()
            #expect(try fixture.names(absolute: fixture.temporary).isEmpty)
        }
    }
}
