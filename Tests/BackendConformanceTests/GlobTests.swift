import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Globbing {
        private static let files = ["a.txt", "a/b.txt", "a/b/c.txt", "a/x.md", "b/.hidden/d.txt", "b/.e.txt", "c"]

        private static func withFiles(
            _ subject: Subject,
            _ body: (any Backend) async throws -> Void
        ) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for path in files { try await tested.backend.write(path, path) }
                try await body(tested.backend)
            }
        }

        @Test(arguments: Subject.all)
        func pathsThatMatchAreTold(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                #expect(try await backend.glob("*.txt") == ["a/b/c.txt", "a/b.txt", "a.txt"])
                #expect(try await backend.glob("/*.txt") == ["a.txt"])
                #expect(try await backend.glob("*/*.{txt,md}") == ["a/b.txt", "a/x.md"])
                #expect(try await backend.glob("**") == ["a/b/c.txt", "a/b.txt", "a/x.md", "a.txt", "c"])
                #expect(try await backend.glob("b/.*") == ["b/.e.txt"])
                #expect(try await backend.glob("b/.hidden/*") == ["b/.hidden/d.txt"])
                #expect(try await backend.glob("*.txt", in: "a") == ["a/b/c.txt", "a/b.txt"])
                #expect(try await backend.glob("b/*.txt", in: "a") == ["a/b/c.txt"])
                #expect(try await backend.glob("nothing") == [])
                #expect(try await backend.glob("a/b") == [], "a directory is no file")
            }
        }

        @Test(arguments: Subject.all)
        func kindsAndDetailsAreToldWhereTheyAreAskedFor(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                let all = GlobOptions(includesAllKinds: true, includesHidden: true, withDetails: true)
                let page = try await backend.glob(try GlobPattern("**"), options: all)
                #expect(
                    page.files.map { String(decoding: $0.path.bytes, as: UTF8.self) } == [
                        "a", "a/b", "a/b/c.txt", "a/b.txt", "a/x.md", "a.txt", "b", "b/.e.txt", "b/.hidden",
                        "b/.hidden/d.txt", "c",
                    ]
                )
                #expect(page.next == nil && page.skipped == 0)
                let isDirectory = page.files.map { $0.kind == .directory }
                #expect(isDirectory == [true, true, false, false, false, false, true, false, true, false, false])
                for file in page.files {
                    let info = try await backend.stat(file.path, followLink: false)
                    #expect(file.info?.kind == info.kind && file.info?.etag == info.etag, "\(file.path)")
                    #expect(file.info?.size == info.size, "\(file.path)")
                }
                let directories = try await backend.glob(try GlobPattern("*/"), options: GlobOptions())
                #expect(directories.files.map { "\($0.path)" } == ["/workspace/a", "/workspace/b"])
                #expect(directories.files.allSatisfy { $0.kind == .directory && $0.info == nil })
            }
        }

        @Test(arguments: Subject.all)
        func pagesGoOnWhereTheLastOneEnded(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                for limit in 1...4 {
                    var options = GlobOptions(includesAllKinds: true, includesHidden: true, limit: limit)
                    var paths: [WorkspacePath] = []
                    repeat {
                        let page = try await backend.glob(try GlobPattern("**"), options: options)
                        #expect(page.files.count <= limit)
                        #expect(page.isTruncated || paths.count + page.files.count == 11)
                        paths += page.files.map(\.path)
                        options.after = page.next
                    } while options.after != nil
                    #expect(paths.count == 11 && Set(paths).count == 11, "\(limit)")
                }
                let elsewhere = GlobOptions(path: try WorkspacePath("a"), after: try WorkspacePath("b"))
                let error = try await failure { try await backend.glob(try GlobPattern("*"), options: elsewhere) }
                #expect(error.code == .invalidArgument)
            }
        }

        @Test(arguments: Subject.all)
        func thereHasToBeADirectory(subject: Subject) async throws {
            try await Self.withFiles(subject) { (backend: any Backend) async throws in
                #expect(try await refusal { try await backend.glob("*", in: "d") } == Refusal(.lsFailed, .notFound))
                let file = Refusal(.lsFailed, .notDirectory)
                #expect(try await refusal { try await backend.glob("*", in: "c") } == file)
                let climbing = try await failure { try await backend.glob("*", in: "../x") }
                #expect(climbing.code == .pathEscapeAttempt)
            }
        }
    }
}
