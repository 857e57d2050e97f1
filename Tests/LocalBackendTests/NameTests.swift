import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Names and paths as long as the kernel takes them, and bytes that are no text.
@Suite struct NameTests {
    /// Every operation under each of these names.
    private static func useAll(_ names: [[UInt8]], _ fixture: LocalFixture) async throws {
        let backend = fixture.backend
        let other = try WorkspacePath("other")
        for name in names {
            let path = try WorkspacePath(name)
            let inside = try WorkspacePath(joining: [name, name])
            func expectAlone(_ kind: FileInfo.Kind) async throws {
                let page = try await backend.readdir(.root, options: ReaddirOptions(withDetails: true))
                #expect(page.entries.map(\.name) == [name], "\(path)")
                #expect(page.entries.map(\.info?.kind) == [kind], "\(path)")
            }
            let info = try await backend.write(path, ByteBuffer(string: "found"), options: WriteOptions())
            try await backend.write(path, ByteBuffer(string: "!"), options: WriteOptions(mode: .append))
            #expect(String(buffer: try await backend.read(path)) == "found!")
            #expect(try await backend.touch(path).size == 6)
            #expect(try await backend.stat(path, followLink: false).etag != info.etag)
            #expect(try await backend.exists(path))
            try await expectAlone(.regular)
            try await backend.rename(path, to: other, options: RenameOptions())
            try await backend.copy(other, to: path, options: CopyOptions())
            try await backend.rm(other, options: RemoveOptions())
            #expect(String(buffer: try await backend.read(path)) == "found!")
            try await expectAlone(.regular)
            try await backend.rm(path, options: RemoveOptions())
            #expect(try await !backend.exists(path))

            try await backend.mkdir(path, options: MkdirOptions(recursive: false))
            try await backend.touch(inside)
            try await backend.copy(path, to: other, options: CopyOptions(recursive: true))
            try await backend.rm(path, options: RemoveOptions(recursive: true))
            try await backend.rename(other, to: path, options: RenameOptions(replacesExisting: false))
            #expect(try await backend.readdir(path, options: ReaddirOptions()).entries.map(\.name) == [name])
            try await expectAlone(.directory)
            try await backend.rm(path, options: RemoveOptions(recursive: true))
        }
    }

    @Test func mayHoldEachByteThatTheKernelAllows() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            let bytes = (1...255).map(UInt8.init).filter { $0 != UInt8(ascii: "/") }
            // Alone, in the middle, and all of them.
            try await Self.useAll(bytes.filter { $0 != UInt8(ascii: ".") }.map { [$0] }, fixture)
            try await Self.useAll(bytes.map { [UInt8(ascii: "a"), $0, UInt8(ascii: "b")] }, fixture)
            try await Self.useAll([Array(bytes[..<127]), Array(bytes[127...]), Array("...".utf8)], fixture)
        }
    }

    @Test(arguments: identities)
    func mayBeAsLongAsTheKernelAllows(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let longest = [UInt8](repeating: UInt8(ascii: "n"), count: 255)
            try await Self.useAll([longest, [UInt8](repeating: 0xff, count: 255)], fixture)
            let tooLong = longest + longest.prefix(1)
            #expect(throws: BackendError.self) { try WorkspacePath(tooLong) }
            #expect(throws: BackendError.self) { try WorkspacePath(joining: [longest, tooLong]) }

            // 15 names of 255 bytes, one of 254 and the slashes between them: 4095.
            let backend = fixture.backend
            let names = Array(repeating: longest, count: 15) + [Array(longest.dropLast())]
            let deepest = Array(names.joined(separator: [UInt8(ascii: "/")])) + Array("/".utf8)
            #expect(deepest.count == WorkspacePath.maximumLength)
            #expect(throws: BackendError.self) { try WorkspacePath(deepest + [UInt8(ascii: "x")]) }
            let path = try WorkspacePath(deepest)
            let other = try WorkspacePath("other")
            try await backend.mkdir(path, options: MkdirOptions())
            try await backend.rm(path, options: RemoveOptions())
            try await backend.touch(path)
            try await backend.write(path, ByteBuffer(string: "found"), options: WriteOptions())
            try await backend.write(path, ByteBuffer(string: "!"), options: WriteOptions(mode: .append))
            try await backend.rename(path, to: other, options: RenameOptions())
            try await backend.copy(other, to: path, options: CopyOptions(replacesExisting: false))
            #expect(String(buffer: try await backend.read(path)) == "found!")
            #expect(try await backend.stat(path, followLink: true).size == 6)
            // A tree whose copy lies deeper than a path can say.
            let top = try WorkspacePath(longest)
            try await backend.copy(top, to: try WorkspacePath("a/b"), options: CopyOptions(recursive: true))
            try await backend.rm(top, options: RemoveOptions(recursive: true))
            try await backend.remove("a", recursive: true)
            #expect(try fixture.names("") == ["other"])
        }
    }
}
