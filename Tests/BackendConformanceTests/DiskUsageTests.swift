import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct CountingUsage {
        @Test(arguments: Subject.all)
        func filesAreCountedWithTheirBytes(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                for (path, text) in [("a", "1"), ("d/b", "22"), ("d/.e/c", "333")] {
                    try await backend.write(path, text)
                }
                let all = try await backend.diskUsage()
                #expect(all.files == 3 && all.directories == 2 && all.bytes == 6 && all.skipped == 0)
                #expect(all.next == nil && all.allocatedBytes > 0)
                let some = try await backend.diskUsage("d")
                #expect(some.files == 2 && some.directories == 1 && some.bytes == 5)
                let one = try await backend.diskUsage("d/b")
                #expect(one.files == 1 && one.directories == 0 && one.bytes == 2)
                #expect(try await refusal { try await backend.diskUsage("x") } == Refusal(.lsFailed, .notFound))
                for limit in 1...3 {
                    var options = DiskUsageOptions(limit: limit)
                    var sum = try await backend.diskUsage(.root, options: options)
                    #expect(sum.files + sum.directories == UInt64(limit) && sum.next != nil, "it says that it is cut")
                    while let next = sum.next {
                        options.after = next
                        sum.add(try await backend.diskUsage(.root, options: options))
                    }
                    #expect(sum == all)
                }
            }
        }
    }
}
