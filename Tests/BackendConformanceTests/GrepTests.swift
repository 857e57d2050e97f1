import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Grepping {
        private static let files = [
            "a.txt": "one\ntwo\nthree", "a/b.py": "def one():\n    pass\n", "a/.hidden/c.txt": "one",
            ".git/config": "one", "a/.git/config": "one", "CVS/x": "one", "d.bin": "one\0", "e.md": "# One\none\none\n",
        ]

        private static func withFiles(_ subject: Subject, _ body: (any Backend) async throws -> Void) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for (path, contents) in files { try await tested.backend.write(path, contents) }
                try await body(tested.backend)
            }
        }

        /// `path:line:text` of all pages.
        private static func lines(
            _ backend: any Backend,
            _ pattern: GrepPattern,
            _ options: GrepOptions = GrepOptions()
        ) async throws -> [String] {
            var (lines, options) = ([String](), options)
            repeat {
                let page = try await backend.grep(pattern, options: options)
                for file in page.files {
                    lines += file.matches.map {
                        "\(WorkspacePath.printable(file.path.bytes)):\($0.line):\(WorkspacePath.printable($0.text))"
                    }
                }
                options.after = page.next
            } while options.after != nil
            return lines
        }

        @Test(arguments: Subject.all)
        func linesThatMatchAreTold(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                let one = ["a/b.py:1:def one():", "a.txt:1:one", "e.md:2:one", "e.md:3:one"]
                #expect(try await Self.lines(backend, try GrepPattern("one")) == one)
                let anyCase = try GrepPattern("ONE", ignoresCase: true)
                #expect(try await Self.lines(backend, anyCase).count == 5)
                let expression = try GrepPattern("^t.*e$", isRegularExpression: true)
                #expect(try await Self.lines(backend, expression) == ["a.txt:3:three"])
                #expect(try await Self.lines(backend, try GrepPattern("t.o")) == [])
                var options = GrepOptions(includesHidden: true)
                #expect(try await Self.lines(backend, try GrepPattern("one"), options).count == 5)
                options.includesVersionControl = true
                #expect(try await Self.lines(backend, try GrepPattern("one"), options).count == 8)
            }
        }

        @Test(arguments: Subject.all)
        func filesAreChosenByTheirPaths(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                let one = try GrepPattern("one")
                func found(_ options: GrepOptions) async throws -> [String] {
                    try await Self.lines(backend, one, options)
                }
                var options = GrepOptions(includes: [try GlobPattern("*.py"), try GlobPattern("/*.txt")])
                #expect(try await found(options) == ["a/b.py:1:def one():", "a.txt:1:one"])
                options = GrepOptions(excludes: [try GlobPattern("a/"), try GlobPattern("*.md")])
                #expect(try await found(options) == ["a.txt:1:one"])
                options = GrepOptions(path: try WorkspacePath("a"), includes: [try GlobPattern("/*.py")])
                #expect(try await found(options) == ["a/b.py:1:def one():"])
                options = GrepOptions(path: try WorkspacePath("e.md"))
                #expect(try await found(options) == ["e.md:2:one", "e.md:3:one"])
                options = GrepOptions(path: try WorkspacePath("missing"))
                #expect(try await refusal { try await found(options) } == Refusal(.lsFailed, .notFound))
            }
        }

        @Test(arguments: Subject.all)
        func linesAroundAMatchAreToldWithIt(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                let options = GrepOptions(path: try WorkspacePath("a.txt"), contextBefore: 5, contextAfter: 1)
                let page = try await backend.grep(try GrepPattern("two"), options: options)
                let match = try #require(page.files.first?.matches.first)
                #expect(match.before == [Array("one".utf8)] && match.after == [Array("three".utf8)])
                #expect(!page.isTruncated)
            }
        }

        @Test(arguments: Subject.all)
        func limitsCutAndSaySo(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                let one = try GrepPattern("one")
                let perFile = try await backend.grep(one, options: GrepOptions(maximumPerFile: 1))
                #expect(perFile.files.map(\.matches.count) == [1, 1, 1])
                #expect(perFile.files.map(\.isTruncated) == [false, false, true])
                #expect(perFile.isTruncated && perFile.next == nil)
                let first = try await backend.grep(one, options: GrepOptions(limit: 1))
                #expect(first.files.map { "\($0.path)" } == ["/workspace/a/b.py"])
                #expect(first.isTruncated)
                #expect(try await Self.lines(backend, one, GrepOptions(limit: 1)).count == 3)
                #expect(try await Self.lines(backend, one, GrepOptions(limit: 2)).count == 4)
            }
        }
    }
}
