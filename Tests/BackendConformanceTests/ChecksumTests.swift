import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Checksums {
        @Test(arguments: Subject.all)
        func aFileAndARangeHaveTheirSHA256(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let written = try await backend.write("f", "xabcx")
                // FIPS 180-2, appendix B.1.
                let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                let path = try WorkspacePath("f")
                let range = try await backend.checksum(path, range: ReadRange(offset: 1, length: 3))
                #expect(
                    range.sha256.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined() == abc
                )
                #expect(range.bytes == 3 && range.info.etag == written.etag)
                let whole = try await backend.checksum(path, range: .all)
                #expect(whole.bytes == 5 && whole.sha256 != range.sha256)
                #expect(try await backend.checksum(path, range: ReadRange(offset: 9)).bytes == 0)
                #expect(try await backend.checksum(path, range: ReadRange(length: 0)).bytes == 0)
                let missing = Refusal(tested.capabilities.missingToRead, .notFound)
                #expect(
                    try await refusal { try await backend.checksum(try WorkspacePath("x"), range: .all) } == missing
                )
            }
        }

        @Test(arguments: Subject.all)
        func aDownloadGoesOnWhereItWas(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let text = String((0..<200_000).flatMap { "\($0)\n" })
                try await backend.write("f", text)
                let path = try WorkspacePath("f")
                struct Interruption: Error {}
                var (download, came) = (Download(), ByteBuffer())
                await #expect(throws: Interruption.self) {
                    try await backend.download(path, &download) { piece in
                        if came.readableBytes > 300_000 { throw Interruption() }
                        came.writeImmutableBuffer(piece)
                    }
                }
                #expect(download.offset == UInt64(came.readableBytes) && download.etag != nil)
                var other = download
                try await backend.download(path, &download) { came.writeImmutableBuffer($0) }
                #expect(String(buffer: came) == text)
                try await backend.write("f", "other")
                #expect(try await refusal { try await backend.download(path, &other) { _ in } } == Refusal(.conflict))
            }
        }
    }
}
