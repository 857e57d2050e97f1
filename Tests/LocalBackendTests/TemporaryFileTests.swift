import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// What happens in the moment in which a file takes its place.
@Suite struct TemporaryFileTests {
    @Test func takesNoPlaceThatIsTaken() async throws {
        try await LocalFixture.with { fixture in
            let files = try fixture.files()
            let file = try files.makeTemporaryFile()
            try file.descriptor.write(ByteBuffer(string: "new"), at: 0)
            try fixture.makeFile("file", "old")
            try fixture.makeDirectory("directory")
            for name in ["file", "directory"] {
                #expect { try file.move(to: Array(name.utf8), in: files.access.root) } throws: { error in
                    guard case .errno(EEXIST)? = error as? DirectoryAccess.Failure else { return false }
                    return true
                }
            }
            #expect(try fixture.contents("file") == "old")
            try file.move(to: Array("free".utf8), in: files.access.root)
            #expect(try fixture.contents("free") == "new")
            // It is not the file's to remove any more.
            file.remove()
            #expect(try fixture.contents("free") == "new")
        }
    }

    @Test func replacesRegularFilesAlone() async throws {
        try await LocalFixture.with { fixture in
            let files = try fixture.files()
            let file = try files.makeTemporaryFile()
            try file.descriptor.write(ByteBuffer(string: "new"), at: 0)
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/kept", "kept")
            try fixture.makeLink("link", to: fixture.outside + "/secret")
            for name in ["directory", "link", "nothing"] {
                #expect(try file.replace(Array(name.utf8), in: files.access.root) == nil, "\(name)")
            }
            #expect(try fixture.contents("directory/kept") == "kept")
            #expect(fixture.status("link").map { $0.st_mode & S_IFMT } == S_IFLNK)
            #expect(try fixture.names(absolute: fixture.temporary).count == 1)

            try fixture.makeFile("file", "old")
            #expect(try file.replace(Array("file".utf8), in: files.access.root) != nil)
            #expect(try fixture.contents("file") == "new")
            #expect(try fixture.names(absolute: fixture.temporary) == [])
        }
    }

    /// Whatever a command does to a file between the look at it and the exchange: it is back, and nothing of ours.
    @Test func replacesTheVersionThatIsExpectedAlone() async throws {
        try await LocalFixture.with { fixture in
            let files = try fixture.files()
            let file = try files.makeTemporaryFile()
            try file.descriptor.write(ByteBuffer(string: "new"), at: 0)
            let name = Array("file".utf8)
            let path = fixture.path("file")
            func look() throws -> stat { try #require(try files.access.root.status(of: name)) }
            func change(_ contents: String, _ body: () throws -> Void) throws {
                unlink(path)
                try fixture.makeFile("file", "old")
                let version = try look()
                try body()
                #expect(try file.replace(name, in: files.access.root, expecting: version) == nil)
                #expect(try fixture.contents("file") == contents)
                #expect(try fixture.names(absolute: fixture.temporary).count == 1)
            }
            try change("newer") {
                try fixture.makeFile("other", "newer")
                try #require(rename(fixture.path("other"), path) == 0)
            }
            try change("oldest") {
                let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
                try #require(write(descriptor, "est", 3) == 3)
                close(descriptor)
            }
            try change("odd") {
                let descriptor = open(path, O_WRONLY | O_CLOEXEC)
                try #require(pwrite(descriptor, "dd", 2, 1) == 2)
                close(descriptor)
            }
            try change("there") {
                try fixture.makeFile("there", "there")
                try #require(unlink(path) == 0)
                try #require(symlink("there", path) == 0)
            }
            unlink(path)
            try fixture.makeFile("file", "old")
            let version = try look()
            // Its permissions, its names and who looks at it make no other contents.
            try #require(chmod(path, 0o600) == 0)
            try #require(link(path, fixture.path("second")) == 0)
            #expect(try file.replace(name, in: files.access.root, expecting: version) != nil)
            #expect(try fixture.contents("file") == "new")
            #expect(try fixture.contents("second") == "old")
        }
    }

    /// What was exchanged is to be put back, and something else is in its place again by then. Of the two one stays:
    /// a directory, or else the newer of two files.
    @Test func losesNoDirectoryToACommandThatExchangesToo() async throws {
        try await LocalFixture.with { fixture in
            let files = try fixture.files()
            let name = Array("place".utf8)
            let make: [String: (String) throws -> Void] = [
                "file": { try #require(close(open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)) == 0) },
                "link": { try #require(symlink("/nowhere", $0) == 0) },
                "directory": { try #require(mkdir($0, 0o700) == 0) },
            ]
            for (displaced, newer, stays) in [
                ("file", "file", "newer"), ("file", "link", "newer"), ("file", "directory", "newer"),
                ("link", "file", "displaced"), ("link", "link", "displaced"), ("link", "directory", "newer"),
                ("directory", "file", "displaced"), ("directory", "link", "displaced"),
            ] {
                let file = try files.makeTemporaryFile()
                let temporary =
                    fixture.temporary + "/" + (try #require(fixture.names(absolute: fixture.temporary).first))
                let place = fixture.path("place")
                try #require(rename(temporary, fixture.path("ours")) == 0)
                try make[displaced]?(temporary)
                try make[newer]?(place)
                let inode = stays == "newer" ? try #require(fixture.status("place")).st_ino : Self.inode(of: temporary)
                #expect {
                    try file.giveBack(name, in: files.access.root, isFile: displaced == "file")
                } throws: { error in
                    guard case .errno(EBUSY)? = error as? DirectoryAccess.Failure else { return false }
                    return true
                }
                file.remove()
                #expect(fixture.status("place")?.st_ino == inode, "\(displaced) \(newer)")
                #expect(try fixture.names(absolute: fixture.temporary) == [], "\(displaced) \(newer)")
                try await fixture.backend.remove("place", recursive: true)
                try await fixture.backend.remove("ours")
            }
        }
    }

    private static func inode(of path: String) -> ino_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : nil
    }
}
