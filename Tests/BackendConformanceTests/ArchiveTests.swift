import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Archives {
        private func archive(
            _ backend: any Backend,
            _ path: String = "",
            _ options: ArchiveOptions = ArchiveOptions()
        ) async throws -> (bytes: ByteBuffer, summary: ArchiveSummary) {
            let reader = try await backend.openArchive(try WorkspacePath(path), options: options)
            var bytes = ByteBuffer()
            while var piece = try await reader.read(upTo: 1000) {
                #expect((1...1000).contains(piece.readableBytes))
                bytes.writeBuffer(&piece)
            }
            await reader.close()
            return (bytes, reader.summary)
        }

        private func extract(
            _ bytes: ByteBuffer,
            into path: String,
            of backend: any Backend,
            _ options: ExtractOptions = ExtractOptions()
        ) async throws -> ExtractResult {
            let writer = try await backend.openExtraction(into: try WorkspacePath(path), options: options)
            do {
                var rest = bytes
                while let piece = rest.readSlice(length: min(777, rest.readableBytes)), piece.readableBytes > 0 {
                    try await writer.write(piece)
                }
                return try await writer.commit()
            } catch {
                await writer.abort()
                throw error
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryComesOutOfItsArchiveAsItWas(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let large = String((0..<30_000).flatMap { "line \($0)\n" })
                for (path, text) in [("d/a", "1"), ("d/e/ü", large), ("d/e/.hidden", ""), ("d/x.o", "o"), ("f", "out")]
                {
                    try await backend.write(path, text)
                }
                try await backend.chmod("d/a", permissions: 0o750)
                for compression in ArchiveOptions.Compression.allCases {
                    let options = ArchiveOptions(compression: compression, excludes: [try GlobPattern("*.o")])
                    let (bytes, summary) = try await archive(backend, "d", options)
                    #expect(summary == ArchiveSummary(entries: 4, bytes: UInt64(large.utf8.count + 1)))
                    #expect(try await archive(backend, "d", options).bytes == bytes, "it is the same each time")
                    let copy = "copy-\(compression)/deep"
                    let result = try await extract(bytes, into: copy, of: backend)
                    #expect(result == ExtractResult(files: 3, directories: 1, bytes: UInt64(large.utf8.count + 1)))
                    #expect(try await backend.readText("\(copy)/e/ü") == large)
                    #expect(try await backend.readText("\(copy)/e/.hidden") == "")
                    #expect(try await backend.stat("\(copy)/a").permissions == 0o750)
                    for absent in ["x.o", "f"] { #expect(try await !backend.exists("\(copy)/\(absent)")) }
                }
            }
        }

        @Test(arguments: Subject.all)
        func oneFileAndNothingHaveArchives(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("d/f", "text")
                let (bytes, _) = try await archive(backend, "d/f")
                #expect(try await extract(bytes, into: "", of: backend).files == 1)
                #expect(try await backend.readText("f") == "text")
                let (all, summary) = try await archive(backend, "", ArchiveOptions(excludes: [try GlobPattern("*")]))
                #expect(summary == ArchiveSummary())
                #expect(try await extract(all, into: "", of: backend) == ExtractResult())
                let missing = Refusal(tested.capabilities.missingToRead, .notFound)
                #expect(try await refusal { try await archive(backend, "missing") } == missing)
            }
        }

        @Test(arguments: Subject.all)
        func whatIsThereIsReplacedUnlessItIsToBeKept(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("d/f", "new")
                let (bytes, _) = try await archive(backend, "d")
                try await backend.write("e/f", "old")
                let keeping = ExtractOptions(replacesExisting: false)
                let refused = try await refusal { try await extract(bytes, into: "e", of: backend, keeping) }
                #expect(refused == Refusal(.writeFailed, .exists))
                #expect(try await backend.readText("e/f") == "old")
                #expect(try await extract(bytes, into: "e", of: backend).files == 1)
                #expect(try await backend.readText("e/f") == "new")
            }
        }

        @Test(arguments: Subject.all)
        func whatIsNoArchiveOrDamagedChangesNothing(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("d/f", String((0..<20_000).flatMap { "\($0 &* 2_654_435_761)" }))
                var damaged = [
                    ByteBuffer(), ByteBuffer(string: "no archive"), ByteBuffer(repeating: 7, count: 100_000),
                ]
                for compression in ArchiveOptions.Compression.allCases {
                    let whole = try await archive(backend, "d", ArchiveOptions(compression: compression)).bytes
                    damaged += [700, whole.readableBytes / 2].compactMap { whole.getSlice(at: 0, length: $0) }
                }
                for bytes in damaged {
                    let refused = try await refusal { try await extract(bytes, into: "e", of: backend) }
                    #expect(refused == Refusal(.invalidArgument, nil))
                }
                #expect(try await !backend.exists("e/f"))
            }
        }

        @Test(arguments: Subject.all)
        func whatIsGivenUpLeavesNothing(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("d/f", "text")
                let (bytes, _) = try await archive(backend, "d")
                let writer = try await backend.openExtraction(into: try WorkspacePath("e"), options: ExtractOptions())
                try await writer.write(bytes)
                await writer.abort()
                #expect(try await !backend.exists("e/f"))
                #expect(try await refusal { try await writer.commit() }.code == .invalidArgument)
                let reader = try await backend.openArchive(.root, options: ArchiveOptions())
                #expect(try await reader.read(upTo: 1) != nil)
                await reader.close()
            }
        }
    }
}
