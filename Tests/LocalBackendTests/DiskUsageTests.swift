import AgentBackend
import Foundation
import Testing

@testable import LocalBackend

@Suite struct DiskUsageTests {
    /// What find(1) says of the same tree, and tree as that does.
    @Test func isAsFind() async throws {
        try await LocalFixture.with { fixture in
            var tree = SampleTree(seed: 9)
            try tree.make(in: fixture, count: 5000)
            try fixture.makeFile("large", String(repeating: "x", count: 100_000))
            try fixture.makeLink("out", to: fixture.outside)
            _ = try fixture.makeSpecialFiles()
            func found(_ arguments: [String]) async throws -> Set<[UInt8]> {
                let output = try await output(
                    of: "/usr/bin/find",
                    ["-mindepth", "1"] + arguments + ["-print0"],
                    in: fixture
                )
                return Set(output.split(separator: 0).map { Array($0.dropFirst(2)) })
            }
            let usage = try await fixture.backend.diskUsage("")
            #expect(try await fixture.foundUsage() == usage)
            #expect(try await found(["-type", "d"]).count == Int(usage.directories))
            #expect(try await found(["-not", "-type", "d"]).count == Int(usage.files))
            #expect(usage.bytes >= 100_000 && usage.skipped == 0)

            var options = TreeOptions(includesHidden: true, includesVersionControl: true, limit: 999)
            var paths: [[UInt8]] = []
            repeat {
                let page = try await fixture.backend.tree(options)
                paths += page.files.map(\.path.bytes)
                options.after = page.next
            } while options.after != nil
            #expect(try await found([]) == Set(paths) && Set(paths).count == paths.count)
        }
    }
}
