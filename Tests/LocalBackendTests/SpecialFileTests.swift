import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// FIFOs, sockets and devices: nothing waits for who might be at the other end, and nothing is lost.
@Suite(.timeLimit(.minutes(1))) struct SpecialFileTests {
    @Test(arguments: identities)
    func answerEveryOperationAtOnce(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("file", "contents")
            let etag = try await backend.info("file").etag
            for name in try fixture.makeSpecialFiles() {
                let path = try WorkspacePath(name)
                let kind = try await backend.info(name).kind
                #expect([.fifo, .socket, .characterDevice].contains(kind))
                let read = Refusal(.readFailed, .notRegular)
                let write = Refusal(.writeFailed, .notRegular)
                #expect(try await refusal(of: try await backend.contents(name)) == read)
                #expect(try await refusal(of: try await backend.contents(name, range: ReadRange(length: 0))) == read)
                if case .done = backend.tryRead(path, range: .all, maximum: 100) { Issue.record("\(name)") }
                for options in [
                    WriteOptions(), WriteOptions(mode: .append), WriteOptions(expectedEtag: etag),
                    WriteOptions(mode: .append, expectedEtag: etag),
                ] {
                    #expect(try await refusal(of: try await backend.put(name, "x", options: options)) == write)
                    let writer = try await backend.openWriter(path, options: options)
                    #expect(try await refusal(of: try await writer.commit()) == write)
                    await writer.abort()
                }
                let exists = Refusal(.writeFailed, .exists)
                let create = WriteOptions(mode: .createOnly)
                #expect(try await refusal(of: try await backend.put(name, "x", options: create)) == exists)
                #expect(try await refusal(of: try await backend.makeDirectory(name)) == exists)
                #expect(try await refusal(of: try await backend.makeDirectory(name + "/a")).reason == .notDirectory)
                #expect(try await refusal(of: try await backend.names(name)) == Refusal(.lsFailed, .notDirectory))
                #expect(try await refusal(of: try await backend.contents(name + "/x")).reason == .notDirectory)
                #expect(try await refusal(of: try await backend.duplicate(name, to: "copy")) == write)
                #expect(try await refusal(of: try await backend.duplicate("file", to: name)) == write)
                #expect(try await backend.touchFile(name).kind == kind)
                try await backend.move(name, to: "a/moved")
                #expect(try await backend.info("a/moved").kind == kind)
                try await backend.move("file", to: "a/moved")
                #expect(try await backend.contents("a/moved") == "contents")
                try await backend.move("a/moved", to: "file")
            }
            for name in try fixture.makeSpecialFiles() { try await backend.remove(name) }
            for name in try fixture.makeSpecialFiles(in: "a") {
                #expect(try await backend.exists(try WorkspacePath(name)))
            }
            try await backend.remove("a", recursive: true)
            #expect(try fixture.names("") == ["file"])
        }
    }
}
