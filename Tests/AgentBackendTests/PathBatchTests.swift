import Testing

@testable import AgentBackend

@Suite struct PathBatchTests {
    @Test func everyBatchFitsOneCallAndNoneIsLost() throws {
        for (count, length) in [(0, 1), (1, 1), (1000, 1), (1001, 1), (2500, 100), (600, 250), (40, 4000)] {
            let name = String(repeating: "x/", count: (length + 1) / 2)
            let paths = try (0..<count).map { try WorkspacePath("\(name)\($0)") }
            let batches = paths.batches
            for batch in batches { try Array(batch).checkFitOneCall() }
            #expect(batches.flatMap(Array.init) == paths)
            #expect(batches.allSatisfy { !$0.isEmpty })
            let bytes = paths.reduce(0) { $0 + $1.bytes.count }
            #expect(batches.count <= 1 + count / 1000 + 2 * bytes / ManyFiles.maximumPathBytes)
        }
    }
}
