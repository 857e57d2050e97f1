import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Lines {
        @Test(arguments: Subject.all)
        func aWindowOfLinesIsReadAndAllAreCounted(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let written = try await backend.write("f", "one\ntwo\n\nfour")
                for (offset, limit, text, count) in [
                    (0, nil, "one\ntwo\n\nfour", 4), (0, 1, "one\n", 1), (1, 2, "two\n\n", 2), (2, 1, "\n", 1),
                    (3, 9, "four", 1), (4, nil, "", 0), (9, 1, "", 0), (0, 0, "", 0), (1, 0, "", 0),
                ] as [(UInt64, UInt64?, String, UInt64)] {
                    let page = try await backend.readLines("f", offset: offset, limit: limit)
                    #expect(
                        String(decoding: page.text, as: UTF8.self) == text,
                        "\(offset) \(String(describing: limit))"
                    )
                    #expect(page.lines == count, "\(offset) \(String(describing: limit))")
                    #expect(page.totalLines == 4 && !page.isTruncated)
                    #expect(page.info.etag == written.etag)
                }
                try await backend.write("f", "")
                #expect(try await backend.readLines("f").totalLines == 0)
                try await backend.write("f", "\n")
                #expect(try await backend.readLines("f").totalLines == 1)
                let missing = Refusal(tested.capabilities.missingToRead, .notFound)
                #expect(try await refusal { try await backend.readLines("missing") } == missing)
            }
        }

        @Test(arguments: Subject.all)
        func whatIsTooMuchIsCutAfterALine(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let line = String(repeating: "x", count: 99_999) + "\n"
                try await tested.backend.write("f", String(repeating: line, count: 12))
                let page = try await tested.backend.readLines("f", offset: 1)
                #expect(page.isTruncated && page.lines == 5 && page.totalLines == 12)
                #expect(page.text.count == 500_000)
                let rest = try await tested.backend.readLines("f", offset: 6)
                #expect(rest.lines == 5 && rest.isTruncated)
                try await tested.backend.write("f", String(repeating: "x", count: 600_000))
                let long = try await tested.backend.readLines("f")
                #expect(long.isTruncated && long.lines == 1 && long.totalLines == 1)
                #expect(long.text.count == LineWindow.maximumBytes)
            }
        }
    }
}
