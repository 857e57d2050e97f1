import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct SeveralFiles {
        @Test(arguments: Subject.all)
        func eachIsAnsweredAsAlone(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let written = try await backend.write("b", "12345")
                try await backend.write("d/a", "x")
                let paths = ["b", "missing", "d/a", "d", "b"]
                let read = try await backend.readMany(paths)
                #expect(read.map { try? String(buffer: $0.get().bytes) } == ["12345", nil, "x", nil, "12345"])
                #expect(try read[0].get().info.etag == written.etag && !read[0].get().isTruncated)
                let stat = try await backend.statMany(paths)
                #expect(stat.map { try? $0.get().kind } == [.regular, nil, .regular, .directory, .regular])
                let missing = Refusal(tested.capabilities.missingToRead, .notFound)
                #expect(try await refusal { try read[1].get() } == missing)
                #expect(try await refusal { try stat[1].get() } == missing)
                let alone = try await refusal { try await backend.read("d") }
                #expect(try await refusal { try read[3].get() } == alone)
                #expect(try await backend.readMany([]).isEmpty)
                #expect(try await backend.statMany([]).isEmpty)
            }
        }

        @Test(arguments: Subject.all)
        func limitsCutAndSaySo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("f", String(repeating: "x", count: 500_000))
                let few = try await backend.readMany(["f"], options: ReadManyOptions(maximumBytesPerFile: 7))
                #expect(try few[0].get().bytes.readableBytes == 7 && few[0].get().isTruncated)
                let all = try await backend.readMany(["f", "f", "f"])
                let counts = try all.map { try $0.get().bytes.readableBytes }
                #expect(counts == [500_000, ManyFiles.maximumBytes - 500_000, 0])
                #expect(try all.map { try $0.get().isTruncated } == [false, true, true])
                let many = Array(repeating: "f", count: ManyFiles.maximumCount + 1)
                #expect(try await failure { try await backend.statMany(many) }.code == .invalidArgument)
                #expect(try await failure { try await backend.readMany(many) }.code == .invalidArgument)
                #expect(try await backend.statMany(Array(many.dropLast())).count == ManyFiles.maximumCount)
                let long = Array(repeating: String(repeating: "x", count: 250), count: 600)
                #expect(try await failure { try await backend.statMany(long) }.reason == .tooLarge)
            }
        }
    }
}
