import AgentBackend
import Testing

extension BackendConformance {
    @Suite struct Watching {
        /// Reads until a change of this path and kind comes; returns all that came.
        private func read(
            _ watch: FileWatch,
            until kind: FileChange.Kind,
            _ path: String
        ) async throws -> [FileChange] {
            let path = try WorkspacePath(path)
            var changes: [FileChange] = []
            while let change = try await watch.next() {
                changes.append(change)
                if change.kind == kind, change.path == path { return changes }
            }
            Issue.record("the watch ended before \(path) was \(kind)")
            return changes
        }

        private func lines(_ changes: [FileChange]) -> [String] {
            changes.map { "\($0.kind) \(String(decoding: $0.path.bytes, as: UTF8.self))" }
        }

        @Test(arguments: Subject.all)
        func fileCallsAreTold(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("a/old", "1")
                let watch = try await backend.watch()
                try await backend.write("a/new", "1")
                #expect(lines(try await read(watch, until: .created, "a/new")) == ["created a/new"])
                try await backend.write("a/old", "22")
                let replaced = try #require(try await watch.next())
                #expect(lines([replaced]) == ["modified a/old"] || lines([replaced]) == ["created a/old"])
                try await backend.write("a/old", "3", options: WriteOptions(mode: .append))
                _ = try await read(watch, until: .modified, "a/old")
                try await backend.rename("a/old", to: "a/renamed")
                let moved = try await read(watch, until: .moved, "a/renamed").last
                #expect(moved?.from == (try WorkspacePath("a/old")) && moved?.isDirectory == false)
                try await backend.rm("a/renamed")
                _ = try await read(watch, until: .removed, "a/renamed")
                try await backend.write("a/.hidden/b", "1")
                let hidden = lines(try await read(watch, until: .created, "a/.hidden/b"))
                #expect(hidden.contains("created a/.hidden") == tested.capabilities.hasDirectories)
            }
        }

        @Test(arguments: Subject.all)
        func patternsAndDepthLeaveOut(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                for path in ["d/e/f", "d/skip/f"] { try await backend.write(path, "1") }
                let place = try WorkspacePath("d")
                let flat = try await backend.watch(WatchOptions(path: place, isRecursive: false))
                let some = try await backend.watch(
                    WatchOptions(path: place, includes: [GlobPattern("*.txt")], excludes: [GlobPattern("skip")])
                )
                for path in ["outside.txt", "d/skip/a.txt", "d/e/a.txt", "d/e/a.c", "d/last.txt"] {
                    try await backend.write(path, "1")
                }
                #expect(lines(try await read(flat, until: .created, "d/last.txt")) == ["created d/last.txt"])
                #expect(
                    lines(try await read(some, until: .created, "d/last.txt"))
                        == ["created d/e/a.txt", "created d/last.txt"]
                )
            }
        }

        @Test(arguments: Subject.all)
        func itEndsWithItsDirectory(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("d/e/f", "1")
                let watch = try await backend.watch("d/e")
                try await backend.rm("d", recursive: true)
                let last = try await read(watch, until: .removed, "d/e").last
                #expect(last?.isDirectory == true)
                #expect(try await watch.next() == nil)
                let missing = try await failure { try await backend.watch("d/e") }
                #expect(Refusal(missing.code, missing.reason) == Refusal(.lsFailed, .notFound))
            }
        }

        @Test(arguments: Subject.all)
        func anotherScopeIsNotTold(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let (one, other) = (try tested.backend.scope("one"), try tested.backend.scope("other"))
                let watch = try await one.watch()
                try await other.write("secret", "1")
                try await one.write("own", "1")
                #expect(lines(try await read(watch, until: .created, "own")) == ["created own"])
                try await tested.backend.write("one/above", "1")
                #expect(lines(try await read(watch, until: .created, "above")) == ["created above"])
            }
        }

        @Test(arguments: Subject.all)
        func aSlowReaderIsToldWhatIsMissing(subject: Subject) async throws {
            guard !subject.capabilities.isRemote else { return }
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let watch = try await backend.watch()
                let count = 10_000
                for number in 0..<count { try await backend.write("f\(number)", "") }
                let overflow = try #require(try await watch.next())
                #expect(overflow.kind == .overflow && overflow.path.isRoot)
                #expect(overflow.missing > 8192 && overflow.missing <= UInt64(count))
                try await backend.write("after", "1")
                _ = try await read(watch, until: .created, "after")
            }
        }

        @Test(arguments: Subject.all)
        func theBackendsEndEndsIt(subject: Subject) async throws {
            guard !subject.capabilities.isRemote else { return }
            try await withSubject(subject) { (tested: Tested) async throws in
                let watch = try await tested.backend.watch()
                async let end = failure { try await watch.next() }
                await tested.backend.destroy()
                #expect(try await end.code == .backendDestroyed)
                #expect(try await failure { try await tested.backend.watch() }.code == .backendDestroyed)
            }
        }
    }
}
