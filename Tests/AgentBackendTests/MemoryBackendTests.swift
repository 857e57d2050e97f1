import NIOCore
import Synchronization
import Testing

@testable import AgentBackend

@Suite struct MemoryBackendTests {
    @Test func keepsWhatIsWritten() async throws {
        let backend = MemoryBackend(wallClock: { 42 })
        let info = try await backend.put("a/b", "contents", options: WriteOptions(permissions: 0o7640))
        #expect(
            info
                == FileInfo(kind: .regular, size: 8, modifiedNanoseconds: 42, permissions: 0o7640, etag: info.etag)
        )
        #expect(try await backend.info("a/b") == info)
        #expect(try await backend.contents("/workspace/a/b") == "contents")
        #expect(try await backend.contents("a/b", range: ReadRange(offset: 3, length: 2)) == "te")
        #expect(try await backend.contents("a/b", range: ReadRange(offset: 8)) == "")
        #expect(try await backend.contents("a/b", range: ReadRange(offset: .max, length: .max)) == "")
        #expect(try await backend.contents("a/b", range: ReadRange(offset: 6, length: .max)) == "ts")
        #expect(try await backend.info("a").kind == .directory)
        #expect(try await backend.info("/").kind == .directory)

        let replaced = try await backend.put("a/b", "", options: WriteOptions(permissions: 0o600))
        #expect(replaced.size == 0)
        #expect(replaced.permissions == 0o7640)
        #expect(try await backend.contents("a/b") == "")
    }

    @Test func saysWhatIsMissing() async throws {
        let backend = MemoryBackend()
        try await backend.put("a/b", "x")
        #expect(try await refusal(of: try await backend.contents("b")) == "KEY_NOT_FOUND (NOT_FOUND)")
        #expect(try await refusal(of: try await backend.contents("a")) == "KEY_NOT_FOUND (IS_DIRECTORY)")
        #expect(try await refusal(of: try await backend.contents("a/b/c")) == "KEY_NOT_FOUND (NOT_FOUND)")
        #expect(try await refusal(of: try await backend.info("ab")) == "KEY_NOT_FOUND (NOT_FOUND)")
        #expect(try await refusal(of: try await backend.names("b")) == "LS_FAILED (NOT_FOUND)")
        #expect(try await refusal(of: try await backend.names("a/b")) == "LS_FAILED (NOT_DIRECTORY)")
        #expect(try await refusal(of: try await backend.put("/", "x")) == "WRITE_FAILED (IS_DIRECTORY)")
        let command = ExecRequest(.shellLine(Array("true".utf8)))
        #expect(try await refusal(of: try await backend.start(command)) == "NOT_IMPLEMENTED")
    }

    @Test func createsOnlyWhatIsNotThere() async throws {
        let backend = MemoryBackend()
        let options = WriteOptions(mode: .createOnly)
        try await backend.put("a", "first", options: options)
        #expect(
            try await refusal(of: try await backend.put("a", "second", options: options)) == "WRITE_FAILED (EXISTS)"
        )
        let writer = try await backend.openWriter(try WorkspacePath("a"), options: options)
        try await writer.write(ByteBuffer(string: "third"))
        #expect(try await refusal(of: try await writer.commit()) == "WRITE_FAILED (EXISTS)")
        #expect(try await backend.contents("a") == "first")
    }

    @Test func addsToTheEnd() async throws {
        let clock = Mutex<Int64>(0)
        let backend = MemoryBackend(wallClock: {
            clock.withLock {
                $0 += 1; return $0
            }
        })
        let options = WriteOptions(mode: .append, permissions: 0o600)
        try await backend.put("log", "one ", options: options)
        let reader = try await backend.openReader(try WorkspacePath("log"), range: .all)
        let info = try await backend.put("log", "two", options: WriteOptions(mode: .append))
        #expect(
            info == FileInfo(kind: .regular, size: 7, modifiedNanoseconds: 2, permissions: 0o600, etag: info.etag)
        )
        #expect(try await backend.contents("log") == "one two")
        // A reader has what was there when it was opened.
        #expect(try await reader.read(upTo: 100).map { String(buffer: $0) } == "one ")

        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<100 { try await backend.put("shared", "<\(task)>", options: options) }
                }
            }
            try await group.waitForAll()
        }
        let shared = try await backend.contents("shared")
        for task in 0..<8 { #expect(shared.components(of: "<\(task)>") == 100) }
        #expect(shared.utf8.count == 2400)
    }

    @Test func showsAStreamedFileWhenItIsWhole() async throws {
        let backend = MemoryBackend()
        let path = try WorkspacePath("file")
        let writer = try await backend.openWriter(path, options: WriteOptions())
        for piece in ["one ", "", "two"] { try await writer.write(ByteBuffer(string: piece)) }
        #expect(try await refusal(of: try await backend.contents("file")) == "KEY_NOT_FOUND (NOT_FOUND)")
        #expect(try await writer.commit().size == 7)
        await writer.abort()
        #expect(try await backend.contents("file") == "one two")

        let reader = try await backend.openReader(path, range: ReadRange(offset: 1, length: 5))
        #expect(try await reader.read(upTo: 0) == nil)
        #expect(try await reader.read(upTo: 3).map { String(buffer: $0) } == "ne ")
        #expect(try await reader.read(upTo: 3).map { String(buffer: $0) } == "tw")
        #expect(try await reader.read(upTo: 3) == nil)
        await reader.close()
        #expect(try await reader.read(upTo: 3) == nil)
    }

    @Test func removesKeysAndWhatIsBelow() async throws {
        let backend = MemoryBackend()
        for key in ["a", "a/x", "a/y/z", "a.txt", "ab", "b/c"] { try await backend.put(key, "x") }
        #expect(try await refusal(of: try await backend.remove("b")) == "WRITE_FAILED (NOT_EMPTY)")
        #expect(try await refusal(of: try await backend.remove("b", force: true)) == "WRITE_FAILED (NOT_EMPTY)")
        // The key alone, where it is one.
        try await backend.remove("a")
        #expect(try await backend.names("/") == ["a", "a.txt", "ab", "b"])
        try await backend.remove("a", recursive: true)
        #expect(try await backend.names("/") == ["a.txt", "ab", "b"])
        for recursive in [true, false] {
            let missing = try await refusal(of: try await backend.remove("a", recursive: recursive))
            #expect(missing == "KEY_NOT_FOUND (NOT_FOUND)")
            try await backend.remove("a", recursive: recursive, force: true)
        }
        #expect(try await refusal(of: try await backend.remove("/")) == "WRITE_FAILED (NOT_EMPTY)")
        try await backend.remove("/", recursive: true)
        #expect(try await backend.names("/") == [])
    }

    @Test func listsNamesInTheOrderOfTheirBytes() async throws {
        let backend = MemoryBackend(maximumReaddirEntries: 4)
        // "." and "!" are less than "/", "0" is more: the order of keys is not that of names.
        let keys = ["a/x", "a/y/z", "a.txt", "a!", "a!/q", "a0", "a", "b/deep/er", "a/\u{1}", "\u{1}", "é"]
        for key in keys { try await backend.put(key, "x") }
        let sorted = ["\u{1}", "a", "a!", "a.txt", "a0", "b", "é"]
        #expect(try await backend.names("a") == ["\u{1}", "x", "y"])
        for limit in [0, 1, 2, 3, 4, 100] {
            var all: [String] = []
            var options = ReaddirOptions(limit: limit)
            while true {
                let page = try await backend.readdir(.root, options: options)
                #expect(!page.entries.isEmpty && page.entries.count <= (limit == 0 ? 4 : min(limit, 4)))
                all += page.entries.map { String(decoding: $0.name, as: UTF8.self) }
                guard page.isTruncated, let last = page.entries.last else { break }
                options.after = last.name
            }
            #expect(all == sorted, "limit \(limit)")
        }
        let after = ReaddirOptions(after: Array("a-".utf8), limit: 2)
        #expect(try await backend.names("/", options: after) == ["a.txt", "a0"])
        let none = try await backend.readdir(.root, options: ReaddirOptions(after: [0xff]))
        #expect(none == DirectoryPage(entries: [], isTruncated: false))
        let details = try await backend.readdir(.root, options: ReaddirOptions(withDetails: true))
        #expect(details.entries.map(\.info?.kind) == [.regular, .regular, .regular, .regular])
        #expect(try await backend.readdir(.root, options: ReaddirOptions()).entries.allSatisfy { $0.info == nil })
    }

    /// One key below each of very many: a page is made of what is on it.
    @Test func listsALargeDirectoryPageByPage() async throws {
        let backend = MemoryBackend()
        for number in 0..<5000 { try await backend.put("d\(number % 50)/\(number)", "") }
        #expect(try await backend.names("/").count == 50)
        #expect(try await backend.names("d7").count == 100)
        var options = ReaddirOptions(limit: 7)
        var count = 0
        while true {
            let page = try await backend.readdir(.root, options: options)
            count += page.entries.count
            guard page.isTruncated, let last = page.entries.last else { break }
            options.after = last.name
        }
        #expect(count == 50)
    }

    @Test func answersOnTheSpot() async throws {
        let backend = MemoryBackend()
        let path = try WorkspacePath("a/b")
        guard case .done(let written) = backend.tryWrite(path, ByteBuffer(string: "contents"), options: WriteOptions()),
            case .done((let info, let bytes)) = backend.tryRead(path, range: .all, maximum: 8),
            case .done(let status) = backend.tryStat(path, followLink: true),
            case .done(let page) = backend.tryReaddir(.root, options: ReaddirOptions()),
            case .failed(let missing) = backend.tryRead(.root, range: .all, maximum: 8)
        else {
            Issue.record("not answered")
            return
        }
        #expect(written == info && info == status)
        #expect(String(buffer: bytes) == "contents")
        #expect(page.entries.map(\.name) == [Array("a".utf8)])
        #expect(missing.code == .keyNotFound)
        // More than the caller takes in one piece is read as a stream.
        guard case .wouldBlock = backend.tryRead(path, range: .all, maximum: 7),
            case .done = backend.tryRead(path, range: ReadRange(length: 7), maximum: 7),
            case .done = backend.tryRemove(path, options: RemoveOptions()),
            case .failed = backend.tryStat(path, followLink: true)
        else {
            Issue.record("answered otherwise")
            return
        }
    }

    /// Keys that keep a thread busy for long are left to one that may be.
    @Test func doesNotChangeVeryManyKeysOnTheSpot() async throws {
        let backend = MemoryBackend()
        for number in 0..<600 { try await backend.put("d/\(number)", "") }
        let (d, e, f) = (try WorkspacePath("d"), try WorkspacePath("e"), try WorkspacePath("f"))
        let recursive = RemoveOptions(recursive: true)
        guard case .wouldBlock = backend.tryRename(d, to: e, options: RenameOptions()),
            case .wouldBlock = backend.tryCopy(d, to: e, options: CopyOptions(recursive: true)),
            case .wouldBlock = backend.tryRemove(d, options: recursive),
            case .wouldBlock = backend.tryClearKeys(),
            case .failed = backend.tryRemove(d, options: RemoveOptions()),
            case .done = backend.tryTouch(e),
            case .done = backend.tryRename(e, to: f, options: RenameOptions())
        else {
            Issue.record("answered otherwise")
            return
        }
        try await backend.rename("d", to: "e")
        try await backend.copy("e", to: "d", recursive: true)
        #expect(try await backend.names("/") == ["d", "e", "f"])
        #expect(try await backend.listKeys("d/").count == 600)
        try await backend.remove("e", recursive: true)
        #expect(try await backend.clearKeys() == 601)
        #expect(try await backend.names("/") == [])
    }

    /// As if each key were moved and copied by itself; whatever was there before.
    @Test func movesAndCopiesWhatIsBelowInItsPlace() async throws {
        let backend = MemoryBackend()
        var model: [String: String] = [:]
        for (index, key) in ["a", "a!", "a.txt", "a/!", "a/-", "a/b", "a/b/c", "a/b.c", "a0", "b/b", "b/b/z"]
            .enumerated()
        {
            try await backend.put(key, "\(index)")
            model[key] = "\(index)"
        }
        func expectModel() async throws {
            #expect(
                try await backend.listKeys()
                    == model.keys.sorted {
                        $0.names.lexicographicallyPrecedes($1.names) { $0.lexicographicallyPrecedes($1) }
                    }
            )
            for (key, contents) in model { #expect(try await backend.contents(key) == contents) }
        }
        try await backend.copy("a", to: "b", recursive: true)
        for (key, contents) in model where key == "a" || key.hasPrefix("a/") { model["b" + key.dropFirst()] = contents }
        try await expectModel()
        try await backend.rename("a", to: "a.d")
        for key in model.keys where key == "a" || key.hasPrefix("a/") {
            model["a.d" + key.dropFirst()] = model.removeValue(forKey: key)
        }
        try await expectModel()
    }

    /// What no path could name is not made, whatever the scopes are in which it is asked for.
    @Test func refusesKeysThatAreTooLong() async throws {
        let budget = MemoryBudget(allowed: 1 << 20)
        let backend = MemoryBackend(budget: budget)
        let long = Array(repeating: String(repeating: "n", count: 200), count: 20).joined(separator: "/")
        let scope = try backend.scope(try WorkspacePath(String(repeating: "s", count: 100)))
        let refused = "INVALID_ARGUMENT (TOO_LARGE)"
        #expect(try await refusal(of: try await scope.put(long, "x")) == refused)
        #expect(try await refusal(of: try await scope.touch(long)) == refused)
        try await backend.put("d/\(String(repeating: "f", count: 80))", "x")
        let held = budget.held
        #expect(try await refusal(of: try await backend.rename("d", to: long)) == refused)
        #expect(try await refusal(of: try await backend.copy("d", to: long, recursive: true)) == refused)
        #expect(budget.held == held)
        #expect(try await backend.listKeys("") == ["d/\(String(repeating: "f", count: 80))"])
        try await backend.rename("d", to: String(long.dropLast(10)))
        #expect(try await backend.listKeys("").count == 1)
    }

    @Test func confinesScopes() async throws {
        let backend = MemoryBackend()
        try await backend.put("outer/inner/file", "x")
        try await backend.put("outerfile", "y")
        let outer = try backend.scope(try WorkspacePath("outer"))
        let inner = try outer.scope(try WorkspacePath("inner"))
        #expect(try await inner.contents("/workspace/file") == "x")
        #expect(try await outer.names("/") == ["inner"])
        try await inner.put("new", "z")
        #expect(try await backend.contents("outer/inner/new") == "z")
        let empty = try backend.scope(try WorkspacePath("empty"))
        #expect(try await empty.names("/") == [])
        #expect(try await empty.info("/").kind == .directory)
        try await outer.remove("/", recursive: true)
        #expect(try await backend.names("/") == ["outerfile"])
    }

    @Test func refusesEverythingOnceDestroyed() async throws {
        let budget = MemoryBudget(allowed: 1 << 20)
        let backend = MemoryBackend(budget: budget)
        try await backend.put("scope/inner/file", "kept")
        let scope = try backend.scope(try WorkspacePath("scope"))
        let inner = try scope.scope(try WorkspacePath("inner"))
        let writer = try await inner.openWriter(try WorkspacePath("late"), options: WriteOptions())
        try await writer.write(ByteBuffer(string: "late"))
        await scope.destroy()
        try await Self.expectDestroyed(scope)
        try await Self.expectDestroyed(inner)
        #expect(try await refusal(of: try await writer.write(ByteBuffer(string: "x"))) == "BACKEND_DESTROYED")
        #expect(try await refusal(of: try await writer.commit()) == "BACKEND_DESTROYED")
        #expect(try await backend.contents("scope/inner/file") == "kept")
        let again = try backend.scope(try WorkspacePath("scope"))
        await backend.destroy()
        await backend.destroy()
        try await Self.expectDestroyed(backend)
        try await Self.expectDestroyed(again)
        #expect(budget.held == 0)
    }

    private static func expectDestroyed(_ backend: any Backend) async throws {
        let path = try WorkspacePath("inner/file")
        let destroyed = "BACKEND_DESTROYED"
        #expect(try await refusal(of: try await backend.contents("inner/file")) == destroyed)
        #expect(try await refusal(of: try await backend.openWriter(path, options: WriteOptions())) == destroyed)
        #expect(try await refusal(of: try await backend.put("inner/file", "x")) == destroyed)
        #expect(try await refusal(of: try await backend.names("/")) == destroyed)
        #expect(try await refusal(of: try await backend.info("/")) == destroyed)
        #expect(try await refusal(of: try await backend.remove("inner", recursive: true, force: true)) == destroyed)
        #expect(try await refusal(of: try backend.scope(path)) == destroyed)
        #expect(try await refusal(of: try await backend.start(ExecRequest(.shellLine([])))) == destroyed)
        // A scope has no such way.
        guard let memory = backend as? MemoryBackend else { return }
        guard case .failed(let error) = memory.tryRead(path, range: .all, maximum: 100) else {
            Issue.record("read from a destroyed backend")
            return
        }
        #expect(error.code == .backendDestroyed)
    }
}

extension String {
    fileprivate var names: [[UInt8]] { split(separator: "/").map { Array($0.utf8) } }

    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let index = rest.firstIndex(of: "<") {
            if rest[index...].hasPrefix(part) { count += 1 }
            rest = rest[rest.index(after: index)...]
        }
        return count
    }
}
