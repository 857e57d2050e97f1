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
            try files.write(ByteBuffer(string: "new"), to: file, at: 0)
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
            try files.write(ByteBuffer(string: "new"), to: file, at: 0)
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/kept", "kept")
            try fixture.makeLink("link", to: fixture.outside + "/secret")
            for name in ["directory", "link", "nothing"] {
                #expect(try !file.replace(Array(name.utf8), in: files.access.root), "\(name)")
            }
            #expect(try fixture.contents("directory/kept") == "kept")
            #expect(fixture.status("link").map { $0.st_mode & S_IFMT } == S_IFLNK)
            #expect(try fixture.names(absolute: fixture.temporary).count == 1)

            try fixture.makeFile("file", "old")
            #expect(try file.replace(Array("file".utf8), in: files.access.root))
            #expect(try fixture.contents("file") == "new")
            #expect(try fixture.names(absolute: fixture.temporary) == [])
        }
    }
}
