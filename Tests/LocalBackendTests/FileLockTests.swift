import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite(.timeLimit(.minutes(1))) struct FileLockTests {
    /// Each of two that rename crosswise needs the name that the other has.
    @Test func areTakenInOneOrder() async throws {
        try await LocalFixture.with(threadCount: 8) { fixture in
            let backend = fixture.backend
            try await backend.put("a/f", "1")
            try await backend.put("b/g", "2")
            await withTaskGroup(of: Void.self) { group in
                for (from, to) in [("a/f", "b/g"), ("b/g", "a/f")] {
                    for _ in 0..<2 {
                        group.addTask {
                            for _ in 0..<500 {
                                guard let etag = try? await backend.info(from).etag else { continue }
                                try? await backend.move(from, to: to, RenameOptions(expectedEtag: etag))
                                _ = try? await backend.put(from, "x", options: WriteOptions(mode: .createOnly))
                            }
                        }
                    }
                }
            }
            let counted = try fixture.names("a").count + fixture.names("b").count
            #expect((1...2).contains(counted))
        }
    }

    /// By whatever way something gets a name or is added to what has it.
    @Test func areTakenByAllThatChangeWhatANameStandsFor() async throws {
        try await LocalFixture.with(threadCount: 16) { fixture in
            let backend = fixture.backend
            let path = try WorkspacePath("directory/file")
            let etag = try await backend.put("directory/file", "old").etag
            try await backend.put("other", "other")
            try await backend.put("moving", "other")
            try fixture.makeLink("alias", to: "/workspace/directory")
            let directory = try #require(fixture.status("directory"))
            let key = FileLocks.Key.name(Array("file".utf8), device: directory.st_dev, directory: directory.st_ino)
            @Sendable func write(_ options: WriteOptions, _ path: WorkspacePath) async throws {
                let writer = try await backend.openWriter(path, options: options)
                try await writer.write(ByteBuffer(string: "+"))
                do {
                    _ = try await writer.commit()
                } catch {
                    await writer.abort()
                }
            }
            let changes: [@Sendable () async throws -> Void] = [
                { try await backend.put("directory/file", "new") },
                { try await backend.put("alias/file", "+", options: WriteOptions(mode: .append)) },
                { _ = try? await backend.put("directory/file", "+", options: WriteOptions(expectedEtag: etag)) },
                {
                    let options = WriteOptions(mode: .append, expectedEtag: etag)
                    _ = try? await backend.put("directory/file", "+", options: options)
                },
                { try await write(WriteOptions(), path) }, { try await write(WriteOptions(mode: .append), path) },
                { try await backend.move("moving", to: "alias/file") },
                { try await backend.duplicate("other", to: "directory/file") },
            ]
            let isHeld = AsyncStream<Void>.makeStream()
            let hold = DispatchSemaphore(value: 0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await fixture.threads.run { () throws(BackendError) in
                        try? FileLocks.shared.withLock(key) {
                            isHeld.continuation.finish()
                            hold.wait()
                        }
                    }
                }
                for await _ in isHeld.stream {}
                for change in changes { group.addTask { try await change() } }
                while FileLocks.shared.users(of: key) < 1 + changes.count { await Task.yield() }
                let contents = try fixture.contents("directory/file")
                #expect(contents == "old")
                // Other names are nobody's business.
                try await backend.put("directory/file2", "x")
                hold.signal()
                try await group.waitForAll()
            }
            #expect(FileLocks.shared.users(of: key) == 0)
            #expect(fixture.status("moving") == nil)
        }
    }

    /// Two names of one file: what is added by one and by the other stays in one piece.
    @Test func areTakenByAppendsToEachNameOfAFile() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("first")
            try #require(link(fixture.path("first"), fixture.path("second")) == 0)
            let status = try #require(fixture.status("first"))
            try await withThrowingTaskGroup { group in
                for (name, text) in [("first", "a"), ("second", "b")] {
                    group.addTask {
                        for _ in 0..<50 {
                            let path = try WorkspacePath(name)
                            let writer = try await fixture.backend.openWriter(
                                path,
                                options: WriteOptions(mode: .append)
                            )
                            // More than is written at once.
                            try await writer.write(ByteBuffer(string: String(repeating: text, count: 3000) + "\n"))
                            _ = try await writer.commit()
                        }
                    }
                }
                try await group.waitForAll()
            }
            let lines = try fixture.contents("first").split(separator: "\n")
            #expect(lines.count == 100)
            #expect(lines.allSatisfy { $0.count == 3000 && Set($0).count == 1 })
            #expect(FileLocks.shared.users(of: status.contentsLock) == 0)
        }
    }
}
