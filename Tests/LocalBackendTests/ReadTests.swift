import AgentBackend
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct ReadTests {
    @Test(arguments: identities)
    func readsRanges(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file", "0123456789")
            try fixture.makeFile("empty")
            for (range, expected) in [
                (ReadRange.all, "0123456789"), (ReadRange(offset: 3), "3456789"),
                (ReadRange(offset: 3, length: 4), "3456"),
                (ReadRange(length: 0), ""), (ReadRange(offset: 8, length: 100), "89"), (ReadRange(offset: 10), ""),
                (ReadRange(offset: 11, length: 1), ""), (ReadRange(offset: .max, length: .max), ""),
                (ReadRange(length: .max), "0123456789"),
            ] {
                #expect(try await fixture.backend.contents("file", range: range) == expected)
                #expect(try await fixture.backend.contents("empty", range: range) == "")
                let path = try WorkspacePath("file")
                guard case .done((let info, let bytes)) = fixture.backend.tryRead(path, range: range, maximum: 10)
                else {
                    continue
                }
                #expect(String(buffer: bytes) == expected)
                #expect(info.size == 10)
            }
        }
    }

    @Test func readsAFileInPieces() async throws {
        try await LocalFixture.with { fixture in
            let contents = String(repeating: "0123456789abcdef", count: 20 << 10)
            try fixture.makeFile("file", contents)
            let path = try WorkspacePath("file")
            for pieceLength in [1000, 64 << 10, 100_000, 1 << 20] {
                let reader = try await fixture.backend.openReader(path, range: ReadRange(offset: 5))
                #expect(reader.info.size == UInt64(contents.utf8.count))
                var read = ByteBuffer()
                #expect(try await reader.read(upTo: 0) == nil)
                while var piece = try await reader.read(upTo: pieceLength) {
                    #expect(piece.readableBytes > 0 && piece.readableBytes <= pieceLength)
                    read.writeBuffer(&piece)
                }
                #expect(String(buffer: read) == contents.dropFirst(5))
                #expect(try await reader.read(upTo: pieceLength) == nil)
                await reader.close()
            }
            let reader = try await fixture.backend.openReader(path, range: .all)
            await reader.close()
            await reader.close()
            #expect(try await reader.read(upTo: 10) == nil)
        }
    }

    /// A reader sees what the file had when it was opened, as far as it is still there.
    @Test func endsWhereTheFileEnded() async throws {
        try await LocalFixture.with { fixture in
            let length = 200 << 10
            try fixture.makeFile("file", String(repeating: "x", count: length))
            let path = try WorkspacePath("file")

            let growing = try await fixture.backend.openReader(path, range: .all)
            let descriptor = open(fixture.path("file"), O_WRONLY | O_APPEND | O_CLOEXEC)
            try #require(write(descriptor, "more", 4) == 4)
            #expect(try await Self.rest(of: growing) == length)

            let shrinking = try await fixture.backend.openReader(path, range: .all)
            try #require(ftruncate(descriptor, 150 << 10) == 0)
            #expect(try await Self.rest(of: shrinking) == 150 << 10)

            let emptied = try await fixture.backend.openReader(path, range: .all)
            try #require(ftruncate(descriptor, 0) == 0)
            // What came with the opened file is there.
            #expect(try await Self.rest(of: emptied) == 64 << 10)
            close(descriptor)
        }
    }

    private static func rest(of reader: any FileReader) async throws -> Int {
        var count = 0
        while let piece = try await reader.read(upTo: 10_000) { count += piece.readableBytes }
        return count
    }

    @Test(arguments: identities)
    func refusesWhatIsNoRegularFileAtOnce(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            // Whoever opens these to read may wait for ever.
            try #require(mkfifo(fixture.path("fifo"), 0o666) == 0)
            try fixture.makeDirectory("directory")
            if isRoot {
                let number = dev_t(1 << 8 | 3)
                try #require(mknod(fixture.path("device"), S_IFCHR | 0o666, number) == 0)
            }
            let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array((fixture.path("socket")).utf8)) }
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
            try #require(isBound)
            try #require(chmod(fixture.path("socket"), 0o666) == 0)

            var expected: [(String, BackendError.Reason, FileInfo.Kind)] = [
                ("fifo", .notRegular, .fifo), ("socket", .notRegular, .socket), ("directory", .isDirectory, .directory),
                ("/workspace", .isDirectory, .directory),
            ]
            if isRoot { expected.append(("device", .notRegular, .characterDevice)) }
            for (name, reason, kind) in expected {
                #expect(try await refusal(of: try await fixture.backend.contents(name)) == Refusal(.readFailed, reason))
                #expect(try await fixture.backend.info(name).kind == kind)
            }
            #expect(
                try await refusal(of: try await fixture.backend.contents("nothing")) == Refusal(.readFailed, .notFound)
            )
            #expect(
                try await refusal(of: try await fixture.backend.contents("nothing/file"))
                    == Refusal(.readFailed, .notFound)
            )
        }
    }

    @Test func readsNoMoreThanItIsAskedTo() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file", String(repeating: "x", count: 3 << 20))
            let path = try WorkspacePath("file")
            let whole = try await fixture.backend.read(path, maximum: 3 << 20)
            #expect(whole.readableBytes == 3 << 20)
            let error = try await failure(of: try await fixture.backend.read(path, maximum: (3 << 20) - 1))
            #expect(Refusal(error) == Refusal(.readFailed, .tooLarge))
            #expect(error.operation == "read")
            let part = try await fixture.backend.read(path, range: ReadRange(offset: 1 << 20), maximum: 2 << 20)
            #expect(part.readableBytes == 2 << 20)
            // Whatever a caller asks for, it does not get more memory than there is file.
            let reader = try await fixture.backend.openReader(path, range: .all)
            while let piece = try await reader.read(upTo: .max) { #expect(piece.readableBytes <= 3 << 20) }
            await reader.close()
        }
    }
}
