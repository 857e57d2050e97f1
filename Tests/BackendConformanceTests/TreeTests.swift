import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Trees {
        private static let files = ["a.txt", "d/b", "d/e/c", "d/.x/y", "d.txt", ".git/config", "CVS/Root", "z/.h"]

        private func withTree(
            _ subject: Subject,
            _ body: @Sendable (any Backend) async throws -> Void
        ) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for path in Self.files { try await tested.backend.write(path, "12345") }
                try await body(tested.backend)
            }
        }

        private func paths(_ page: FilePage) -> [String] {
            page.files.map { String(decoding: $0.path.bytes, as: UTF8.self) }
        }

        @Test(arguments: Subject.all)
        func aDirectoryComesBeforeWhatIsInIt(subject: Subject) async throws {
            try await withTree(subject) { backend in
                let page = try await backend.tree(TreeOptions())
                #expect(paths(page) == ["a.txt", "d", "d/b", "d/e", "d/e/c", "d.txt", "z"])
                #expect(page.next == nil && page.skipped == 0)
                #expect(page.files[1].kind == .directory && page.files[2].kind == .regular)
                #expect(page.files.allSatisfy { $0.info == nil })
                let hidden = try await backend.tree(TreeOptions(includesHidden: true))
                #expect(paths(hidden).contains("d/.x/y") && paths(hidden).contains("z/.h"))
                #expect(!paths(hidden).contains { $0.hasPrefix(".git") || $0.hasPrefix("CVS") })
                let control = try await backend.tree(TreeOptions(includesVersionControl: true))
                #expect(paths(control).contains("CVS/Root") && !paths(control).contains(".git"))
                let all = try await backend.tree(TreeOptions(includesHidden: true, includesVersionControl: true))
                #expect(Set(Self.files).isSubset(of: Set(paths(all))))
                let details = try await backend.tree(TreeOptions(path: try WorkspacePath("d"), withDetails: true))
                #expect(paths(details) == ["d/b", "d/e", "d/e/c"])
                #expect(details.files[0].info?.size == 5 && details.files[0].info?.etag != nil)
            }
        }

        @Test(arguments: Subject.all)
        func depthAndPatternsLeaveOut(subject: Subject) async throws {
            try await withTree(subject) { backend in
                #expect(paths(try await backend.tree(TreeOptions(depth: 1))) == ["a.txt", "d", "d.txt", "z"])
                let two = paths(try await backend.tree(TreeOptions(depth: 2)))
                #expect(two.contains("d/e") && !two.contains("d/e/c"))
                let excludes = try [GlobPattern("*.txt"), GlobPattern("d/e")]
                let some = paths(try await backend.tree(TreeOptions(excludes: excludes)))
                #expect(
                    some.prefix(2) == ["d", "d/b"] && !some.contains { $0.hasPrefix("d/e") || $0.hasSuffix(".txt") }
                )
                for path in ["a.txt", "missing"] {
                    let options = TreeOptions(path: try WorkspacePath(path))
                    #expect(try await failure { try await backend.tree(options) }.code == .lsFailed)
                }
            }
        }

        @Test(arguments: Subject.all)
        func pagesAreTheWhole(subject: Subject) async throws {
            try await withTree(subject) { backend in
                var options = TreeOptions(includesHidden: true, includesVersionControl: true)
                let whole = try await backend.tree(options).files
                for limit in [1, 2, 3] {
                    options.limit = limit
                    options.after = nil
                    var files: [FoundFile] = []
                    repeat {
                        let page = try await backend.tree(options)
                        #expect(page.files.count <= limit)
                        files += page.files
                        options.after = page.next
                    } while options.after != nil
                    #expect(files == whole)
                }
                options = TreeOptions(path: try WorkspacePath("d"), after: try WorkspacePath("z"))
                #expect(try await failure { try await backend.tree(options) }.code == .invalidArgument)
            }
        }
    }
}
