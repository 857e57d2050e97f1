import AgentBackend
import CLinux
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import LocalBackend

/// Writes that expect a version.
@Suite struct ExpectedVersionTests {
    private static let conflict = Refusal(.conflict)

    private static func expecting(_ etag: Etag?, _ mode: WriteOptions.Mode = .replace) -> WriteOptions {
        WriteOptions(mode: mode, expectedEtag: etag)
    }

    @Test(arguments: identities, [WriteOptions.Mode.replace, .append])
    func succeedOnThatVersionAlone(_ identity: HostIdentity?, mode: WriteOptions.Mode) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            let first = try await backend.put("file", "1", options: WriteOptions(permissions: 0o640))
            let second = try await backend.put("file", "2", options: Self.expecting(first.etag, mode))
            #expect(second.etag != first.etag)
            #expect(second.permissions == 0o640)
            let contents = mode == .append ? "12" : "2"
            #expect(try fixture.contents("file") == contents)

            let error = try await failure(
                of: try await backend.put("file", "3", options: Self.expecting(first.etag, mode))
            )
            #expect(Refusal(error) == Self.conflict)
            #expect(error.currentEtag == second.etag)
            #expect(try fixture.contents("file") == contents)
            #expect(try await backend.info("file").etag == second.etag)
            try await backend.put("file", "3", options: Self.expecting(error.currentEtag, mode))
            #expect(try fixture.contents("file") == (mode == .append ? "123" : "3"))
        }
    }

    @Test(arguments: identities, [WriteOptions.Mode.replace, .append])
    func succeedAsStreams(_ identity: HostIdentity?, mode: WriteOptions.Mode) async throws {
        try await LocalFixture.with(identity) { fixture in
            let path = try WorkspacePath("file")
            let first = try await fixture.backend.put("file", "1")
            // Both expect what is there, and the second to end finds that it is not any more.
            let options = Self.expecting(first.etag, mode)
            let winner = try await fixture.backend.openWriter(path, options: options)
            let loser = try await fixture.backend.openWriter(path, options: options)
            try await loser.write(ByteBuffer(string: "lost"))
            try await winner.write(ByteBuffer(string: "won"))
            let second = try await winner.commit()
            let error = try await failure(of: try await loser.commit())
            #expect(Refusal(error) == Self.conflict)
            #expect(error.currentEtag == second.etag)
            await loser.abort()
            #expect(try fixture.contents("file") == (mode == .append ? "1won" : "won"))
        }
    }

    @Test(arguments: [WriteOptions.Mode.replace, .append, .createOnly])
    func makeNothingWhereThereIsNothing(_ mode: WriteOptions.Mode) async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            let gone = try await backend.put("gone", "x").etag
            try await backend.remove("gone")
            try fixture.makeLink("dangling", to: "gone")
            for path in ["gone", "a/b/gone", "dangling"] where path != "dangling" || mode != .createOnly {
                let error = try await failure(of: try await backend.put(path, "x", options: Self.expecting(gone, mode)))
                #expect(Refusal(error) == Self.conflict, "\(path)")
                #expect(error.currentEtag == nil)
            }
            #expect(try fixture.names("") == ["dangling"])
        }
    }

    /// Such a write can never succeed, and says in what way.
    @Test func makeNothingInModeCreateOnly() async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            let first = try await backend.put("file", "1").etag
            let second = try await backend.put("file", "2").etag
            let other = try await failure(
                of: try await backend.put("file", "x", options: Self.expecting(first, .createOnly))
            )
            #expect(Refusal(other) == Self.conflict)
            #expect(other.currentEtag == second)
            let same = try await refusal(
                of: try await backend.put("file", "x", options: Self.expecting(second, .createOnly))
            )
            #expect(same == Refusal(.writeFailed, .exists))
            #expect(try fixture.contents("file") == "2")
        }
    }

    @Test func fallForNothingThatIsNoFile() async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            let etag = try await backend.put("a/file", "x").etag
            try #require(mkfifo(fixture.path("fifo"), 0o600) == 0)
            try fixture.makeLink("link", to: "/workspace/a/file")
            try fixture.makeLink("out", to: "../outside/secret")
            for (path, expected) in [
                ("a", Refusal(.writeFailed, .isDirectory)), ("/workspace", Refusal(.writeFailed, .isDirectory)),
                ("fifo", Refusal(.writeFailed, .notRegular)), ("out", Refusal(.pathEscapeAttempt)),
                ("a/file/x", Refusal(.writeFailed, .notDirectory)),
            ] {
                let write = try await refusal(of: try await backend.put(path, "y", options: Self.expecting(etag)))
                #expect(write == expected, "\(path)")
            }
            // The version of a link is that of the file it leads to.
            try await backend.put("link", "y", options: Self.expecting(etag))
            #expect(try fixture.contents("a/file") == "y")
        }
    }

    /// A counter that two add to, each through a backend and a path of its own, while readers look on.
    @Test func loseNoUpdate() async throws {
        try await LocalFixture.with { fixture in
            let rounds = 10_000
            let directories = OpenDirectoryCache()
            let other = LocalFilesystemBackend(
                rootDirectory: fixture.root,
                settings: .init(
                    temporary: TemporaryFileDirectory(path: fixture.temporary, in: directories),
                    ownsTemporaryDirectory: true,
                    threads: fixture.threads,
                    directories: directories
                )
            )
            let scope = try other.scope(try WorkspacePath("directory"), configuration: ScopeConfiguration())
            try await fixture.backend.put("directory/counter", Self.count(0))
            try fixture.makeLink("counter", to: "/workspace/directory/counter")
            let isDone = Flag()
            let conflicts = try await withThrowingTaskGroup(of: Int.self) { group in
                for (backend, path) in [(fixture.backend as any Backend, "counter"), (scope, "counter")] {
                    group.addTask { try await Self.increment(path, on: backend, times: rounds / 2) }
                }
                group.addTask {
                    var last = 0
                    while !isDone.isSet {
                        let count = try Self.count(of: try await fixture.backend.contents("directory/counter"))
                        #expect(count >= last)
                        last = count
                    }
                    return 0
                }
                let first = try await group.next() ?? 0
                let second = try await group.next() ?? 0
                isDone.set()
                try await group.waitForAll()
                return first + second
            }
            #expect(try Self.count(of: try fixture.contents("directory/counter")) == rounds)
            #expect(conflicts > 0, "they never met: the test proves nothing")
            await other.destroy()
        }
    }

    /// Returns how often somebody else was faster.
    private static func increment(_ path: String, on backend: any Backend, times: Int) async throws -> Int {
        var conflicts = 0
        var done = 0
        while done < times {
            let reader = try await backend.openReader(try WorkspacePath(path), range: .all)
            let contents = try await reader.read(upTo: 4096)
            await reader.close()
            let next = try Self.count(of: String(buffer: contents ?? ByteBuffer())) + 1
            do {
                let options = Self.expecting(reader.info.etag)
                let info = try await backend.put(path, Self.count(next), options: options)
                #expect(info.etag != reader.info.etag)
                done += 1
            } catch let error as BackendError where error.code == .conflict {
                conflicts += 1
            }
        }
        return conflicts
    }

    /// The number, as often as it takes to tell two of them from a mix of both.
    private static func count(_ number: Int) -> String { String(repeating: "\(number) ", count: 200) }

    private static func count(of contents: String) throws -> Int {
        let numbers = Set(contents.split(separator: " "))
        try #require(numbers.count == 1)
        return try #require(numbers.first.flatMap { Int($0) })
    }

    /// Appends that expect a version, others that do not, and replacements, all at once: each version that one was
    /// written on was there, and what was appended to it is in the next.
    @Test func excludeAppends() async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            try await backend.put("log", "")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<2 {
                    group.addTask {
                        for count in 0..<300 {
                            try await backend.put("log", "\(writer):\(count)\n", options: WriteOptions(mode: .append))
                        }
                    }
                }
                for mode in [WriteOptions.Mode.replace, .append] {
                    group.addTask {
                        var done = 0
                        while done < 100 {
                            let reader = try await backend.openReader(try WorkspacePath("log"), range: .all)
                            let contents = try await reader.read(upTo: 64 << 10)
                            await reader.close()
                            let line = "\(mode):\(done)\n"
                            let text = mode == .append ? line : String(buffer: contents ?? ByteBuffer()) + line
                            do {
                                try await backend.put("log", text, options: Self.expecting(reader.info.etag, mode))
                                done += 1
                            } catch let error as BackendError where error.code == .conflict {
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let lines = try fixture.contents("log").split(separator: "\n").map(String.init)
            let expected =
                (0..<2).flatMap { writer in (0..<300).map { "\(writer):\($0)" } }
                + [WriteOptions.Mode.replace, .append].flatMap { mode in (0..<100).map { "\(mode):\($0)" } }
            #expect(lines.sorted() == expected.sorted())
        }
    }

    /// A command that takes no lock exchanges the file for its own, over and over, and keeps what it got for it. Each
    /// version is displaced once, by one of the two, and by ours only where it is the one that was expected.
    @Test func loseNothingOfACommand() async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            try await backend.put("file", "first")
            try fixture.makeFile("own")
            let (file, own) = (fixture.path("file"), fixture.path("own"))
            let seen = Mutex<(made: [String], displaced: [String])>(([], []))
            var written: [String] = []
            var displaced: [String] = []
            var busy = 0
            try await Opponent.against {
                seen.withLock { seen in
                    let name = "command \(seen.made.count)"
                    guard seen.made.count < 100_000, let text = Self.exchange(file, own, name) else { return }
                    seen.made.append(name)
                    seen.displaced.append(text)
                }
            } _: {
                for count in 0..<4000 {
                    let reader = try await backend.openReader(try WorkspacePath("file"), range: .all)
                    let contents = String(buffer: try await reader.read(upTo: 100) ?? ByteBuffer())
                    await reader.close()
                    do {
                        try await backend.put("file", "ours \(count)", options: Self.expecting(reader.info.etag))
                        written.append("ours \(count)")
                        displaced.append(contents)
                    } catch let error as BackendError where error.code == .conflict {
                    } catch let error as BackendError where error.reason == .busy {
                        // What was to be put back was not ours any more.
                        busy += 1
                    }
                }
            }
            let (made, gone) = seen.withLock { $0 }
            let all = Set(made + written + ["first"])
            let last = try fixture.contents("file")
            let remains = all.subtracting(gone + displaced)
            #expect(remains.contains(last))
            #expect(remains.count <= 1 + busy)
            #expect(Set(displaced).count == displaced.count)
            // What was put back may be displaced by the command both before and after.
            #expect(Set(displaced).isDisjoint(with: gone.filter { $0.hasPrefix("ours") && written.contains($0) }))
            #expect(!written.isEmpty)
        }
    }

    /// Writes `text` to its own file and exchanges that for the other. Returns what that held.
    private static func exchange(_ file: String, _ own: String, _ text: String) -> String? {
        unlink(own)
        let descriptor = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0, write(descriptor, text, text.utf8.count) == text.utf8.count else { return nil }
        close(descriptor)
        guard linux_rename_exchange(AT_FDCWD, own, AT_FDCWD, file) == 0 else { return nil }
        let displaced = open(own, O_RDONLY | O_CLOEXEC)
        defer { close(displaced) }
        var bytes = [UInt8](repeating: 0, count: 100)
        return String(decoding: bytes[..<max(0, read(displaced, &bytes, bytes.count))], as: UTF8.self)
    }
}
