import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// What is answered on the spot is what would be answered otherwise.
@Suite struct NonBlockingTests {
    @Test(arguments: identities)
    func answersTheSameOrNotAtAll(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("a/file", String(repeating: "x", count: 4096))
            try fixture.makeFile("empty")
            try fixture.makeFile("closed", "x", mode: 0)
            try fixture.makeLink("relative", to: "a/file")
            try fixture.makeLink("absolute", to: "/workspace/a/file")
            try fixture.makeLink("outside", to: "../outside/secret")
            try fixture.makeLink("loop", to: "loop")
            try #require(mkfifo(fixture.path("fifo"), 0o666) == 0)
            var answered = 0
            let names = [
                "a/file", "a", "empty", "closed", "relative", "absolute", "outside", "loop", "fifo", "nothing",
                "a/nothing",
                "a/file/below", "/workspace",
            ]
            for name in names {
                let path = try WorkspacePath(name)
                for range in [ReadRange.all, ReadRange(offset: 100, length: 10), ReadRange(offset: 5000)] {
                    let expected = await Self.outcome { try await backend.read(path, range: range) }
                    let answer = FileIdentity.perform(as: identity) {
                        backend.tryRead(path, range: range, maximum: 4096)
                    }
                    guard let outcome = Self.outcome(answer) else { continue }
                    answered += 1
                    #expect(outcome.map(\.1) == expected, "\(name)")
                }
                for followLink in [true, false] {
                    let expected = await Self.outcome { try await backend.stat(path, followLink: followLink) }
                    let answer = FileIdentity.perform(as: identity) { backend.tryStat(path, followLink: followLink) }
                    guard let outcome = Self.outcome(answer) else { continue }
                    answered += 1
                    #expect(outcome == expected, "\(name)")
                }
            }
            #expect(answered > names.count)
        }
    }

    @Test(.enabled(if: LocalFixture.canMount)) func readsWhatIsInMemoryAlone() async throws {
        try await LocalFixture.with(disk: 1 << 20) { fixture in
            try await fixture.backend.put("file", String(repeating: "x", count: 5000))
            guard
                case .done(let (info, bytes)) = fixture.backend.tryRead(
                    try WorkspacePath("file"),
                    range: .all,
                    maximum: 5000
                )
            else {
                Issue.record("not answered on tmpfs")
                return
            }
            #expect(info.size == 5000 && bytes.readableBytes == 5000)
        }
    }

    @Test func waitsForNothing() async throws {
        try await LocalFixture.with { fixture in
            let (path, other) = (try WorkspacePath("file"), try WorkspacePath("other"))
            // The root is opened by what may wait.
            guard case .wouldBlock = fixture.backend.tryStat(path, followLink: true) else {
                Issue.record("answered before the root was open")
                return
            }
            try await fixture.backend.put("file", String(repeating: "x", count: 100))
            guard case .wouldBlock = fixture.backend.tryRead(path, range: .all, maximum: 99) else {
                Issue.record("read more than it was allowed to")
                return
            }
            guard case .wouldBlock = fixture.backend.tryWrite(path, ByteBuffer(), options: WriteOptions()),
                case .wouldBlock = fixture.backend.tryReaddir(.root, options: ReaddirOptions()),
                case .wouldBlock = fixture.backend.tryRemove(path, options: RemoveOptions()),
                case .wouldBlock = fixture.backend.tryMkdir(path, options: MkdirOptions()),
                case .wouldBlock = fixture.backend.tryTouch(path),
                case .wouldBlock = fixture.backend.tryRename(path, to: other, options: RenameOptions()),
                case .wouldBlock = fixture.backend.tryCopy(path, to: other, options: CopyOptions())
            else {
                Issue.record("something that may wait was answered")
                return
            }
            #expect(try fixture.names("") == ["file"])
        }
    }

    private static func outcome<Value: Sendable>(_ answer: NonBlocking<Value>) -> Result<Value, ComparedError>? {
        switch answer {
        case .done(let value): .success(value)
        case .failed(let error): .failure(ComparedError(error))
        case .wouldBlock: nil
        }
    }

    private static func outcome<Value>(
        _ body: () async throws -> Value
    ) async -> Result<Value, ComparedError> {
        do {
            return .success(try await body())
        } catch {
            return .failure(ComparedError(error))
        }
    }

    private struct ComparedError: Error, Equatable {
        var text: String

        init(_ error: any Error) {
            guard let error = error as? BackendError else {
                text = "\(error)"
                return
            }
            // The operation is named by who knows it.
            text = "\(Refusal(error)) \(error.systemErrno) \(error.message)"
        }
    }
}
