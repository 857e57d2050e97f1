import AgentBackend
import NIOCore
import Synchronization
import Testing

extension BackendConformance {
    @Suite struct Scopes {
        @Test(arguments: Subject.all)
        func aScopeIsADirectoryOfItsOwn(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let inner = try tested.backend.scope("x/y")
                #expect(inner.type == tested.backend.type)
                #expect(try await inner.readdir("") == [], "made on first use")
                try await inner.write("f", "inner")
                try await tested.backend.write("f", "outer")
                #expect(try await inner.readText("/workspace/f") == "inner")
                #expect(try await tested.backend.readText("x/y/f") == "inner")
                let place = try tested.place.appending(WorkspacePath("x/y/f"))
                #expect(String(buffer: try await tested.outermost.read(place)) == "inner")
            }
        }

        @Test(arguments: Subject.all)
        func manyMayUseANewScopeAtOnce(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<16 {
                        group.addTask { _ = try await tested.backend.scope("new").write("f\(index)", "x") }
                    }
                    try await group.waitForAll()
                }
                #expect(try await tested.backend.readdir("new").count == 16)
            }
        }

        @Test(arguments: Subject.all)
        func activeScopesAreListed(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                #expect(tested.backend.listActiveScopes() == [])
                let b = try tested.backend.scope("b")
                let inner = try b.scope("c")
                let again = try tested.backend.scope("b")
                #expect(tested.backend.listActiveScopes() == (try ["b", "b/c"].map { try WorkspacePath($0) }))
                #expect(b.listActiveScopes() == [try WorkspacePath("c")])
                await inner.destroy()
                await again.destroy()
                #expect(tested.backend.listActiveScopes() == [try WorkspacePath("b")], "one of the two is in use")
                await b.destroy()
                #expect(tested.backend.listActiveScopes() == [])
            }
        }

        @Test(arguments: Subject.all)
        func aScopeThatIsDestroyedTakesNobodyWithIt(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let scope = try tested.backend.scope("x")
                let inner = try scope.scope("y")
                try await inner.write("f", "kept")
                await scope.destroy()
                await scope.destroy()
                #expect(scope.status == .destroyed)
                #expect(inner.status == .destroyed)
                #expect(tested.backend.status != .destroyed)
                for ended in [scope, inner] {
                    #expect(try await failure { try await ended.write("g", "x") }.code == .backendDestroyed)
                    #expect(try await failure { try await ended.exists("f") }.code == .backendDestroyed)
                    #expect(try await failure { try ended.scope("z") }.code == .backendDestroyed)
                }
                #expect(try await tested.backend.readText("x/y/f") == "kept", "files stay")
            }
        }

        @Test(arguments: Subject.all)
        func whoWatchesAScopeSeesItsEnd(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let scope = try tested.backend.scope("x")
                let inner = try scope.scope("y")
                let other = try tested.backend.scope("z")
                let ended = [scope.statusChanges(), inner.statusChanges()]
                let around = [tested.backend.statusChanges(), other.statusChanges()]
                await scope.destroy()
                for changes in ended { #expect(await statuses(changes) == [.destroyed]) }
                for changes in [scope.statusChanges(), inner.statusChanges()] {
                    #expect(await statuses(changes) == [], "nothing comes after the end")
                }
                await tested.outermost.destroy()
                for changes in around { #expect(await statuses(changes) == [.destroyed], "its own end, not another's") }
            }
        }

        @Test(arguments: Subject.all)
        func whatIsReadIsLoggedAndWhatIsRefused(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let records = Records()
                let scope = try tested.backend.scope(
                    "x",
                    configuration: ScopeConfiguration(operationsLogger: records, logMode: .verbose)
                )
                try await scope.write("f", "0123456789")
                for range in [
                    ReadRange.all, ReadRange(offset: 4), ReadRange(offset: 2, length: 3), ReadRange(offset: 11),
                ] {
                    _ = try await scope.read("f", range: range)
                }
                let path = try WorkspacePath("f")
                let writer = try await scope.openWriter(path, options: WriteOptions(mode: .append))
                try await writer.write(ByteBuffer(string: "more"))
                _ = try await writer.commit()
                await scope.destroy()
                _ = try? await scope.openWriter(path, options: WriteOptions()).commit()
                #expect(records.all.map(\.operation) == ["write", "read", "read", "read", "read", "write", "write"])
                #expect(records.all.map(\.bytes) == [10, 10, 6, 3, 0, 4, 0])
                #expect(records.all.map(\.failure) == Array(repeating: nil, count: 6) + [.backendDestroyed])
            }
        }

        @Test(arguments: Subject.all)
        func aScopesLoggerGetsItsOperations(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let (standard, verbose) = (Records(), Records())
                let outer = try tested.backend.scope(
                    "outer",
                    configuration: ScopeConfiguration(operationsLogger: standard)
                )
                let inner = try outer.scope("inner")
                let loud = try outer.scope(
                    "loud",
                    configuration: ScopeConfiguration(operationsLogger: verbose, logMode: .verbose)
                )
                try await outer.write("f", "123")
                _ = try await outer.readText("f")
                try await inner.write("g", "12345")
                _ = try? await inner.rm("missing")
                try await loud.write("h", "1")
                _ = try await loud.exists("h")
                let prefix = try tested.place.bytes
                func scope(_ name: String) -> String {
                    let root = WorkspacePath.printable(prefix)
                    return root.isEmpty ? name : "\(root)/\(name)"
                }
                #expect(standard.all.map(\.operation) == ["write", "write", "rm"])
                #expect(standard.all.map(\.scope) == ["outer", "outer/inner", "outer/inner"].map(scope))
                #expect(standard.all.map(\.subject) == ["f", "g", "missing"])
                #expect(standard.all.map(\.bytes) == [3, 5, 0])
                #expect(standard.all.map(\.failure) == [nil, nil, tested.capabilities.missingToChange])
                #expect(verbose.all.map(\.operation) == ["write", "exists"])
            }
        }
    }

    @Suite struct Life {
        @Test(arguments: Subject.all)
        func aDestroyedBackendRefusesEverything(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                try await backend.write("f", "x")
                let changes = tested.backend.statusChanges()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 { group.addTask { await tested.outermost.destroy() } }
                }
                #expect(backend.status == .destroyed)
                #expect(tested.outermost.status == .destroyed)
                let path = try WorkspacePath("f")
                let request = ExecRequest(.shellLine(Array("true".utf8)))
                let operations: [(String, () async throws -> Void)] = [
                    ("openReader", { _ = try await backend.openReader(path, range: .all) }),
                    ("readLines", { _ = try await backend.readLines("f") }),
                    ("openWriter", { _ = try await backend.openWriter(path, options: WriteOptions()).commit() }),
                    ("write", { _ = try await backend.write("f", "y") }),
                    ("edit", { _ = try await backend.edit("f", [TextEdit("x", "y")]) }),
                    ("readdir", { _ = try await backend.readdir("") }),
                    ("glob", { _ = try await backend.glob("*") }),
                    ("grep", { _ = try await backend.grep("x") }),
                    ("stat", { _ = try await backend.stat("f") }),
                    ("exists", { _ = try await backend.exists("f") }),
                    ("mkdir", { try await backend.mkdir("d") }),
                    ("touch", { _ = try await backend.touch("f") }),
                    ("readMany", { _ = try await backend.readMany(["f"]) }),
                    ("statMany", { _ = try await backend.statMany(["f"]) }),
                    ("chmod", { _ = try await backend.chmod("f", permissions: 0o600) }),
                    ("symlink", { try await backend.symlink("l", to: "f") }),
                    ("watch", { _ = try await backend.watch() }),
                    ("tree", { _ = try await backend.tree(TreeOptions()) }),
                    ("diskUsage", { _ = try await backend.diskUsage() }),
                    ("checksum", { _ = try await backend.checksum(path, range: .all) }),
                    ("openArchive", { _ = try await backend.openArchive(path, options: ArchiveOptions()) }),
                    (
                        "openExtraction",
                        { _ = try await backend.openExtraction(into: path, options: ExtractOptions()).commit() }
                    ),
                    ("rename", { try await backend.rename("f", to: "g") }),
                    ("copy", { _ = try await backend.copy("f", to: "g") }),
                    ("rm", { try await backend.rm("f") }),
                    ("start", { _ = try await backend.start(request) }),
                    ("scope", { _ = try backend.scope("s") }),
                ]
                for (name, operation) in operations {
                    #expect(try await failure(operation).code == .backendDestroyed, "\(name)")
                }
                var seen: [BackendStatus] = []
                for await change in changes { seen.append(change.to) }
                #expect(seen == [.destroyed])
                for await _ in backend.statusChanges() { Issue.record("nothing changes any more") }
            }
        }

        @Test(arguments: Subject.all)
        func theStatusIsToldInOrder(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let changes = tested.backend.statusChanges()
                #expect(tested.backend.status == (tested.capabilities.isRemote ? .disconnected : .connected))
                _ = try await tested.backend.exists("f")
                #expect(tested.backend.status == .connected)
                await tested.outermost.destroy()
                var seen: [BackendStatusChange] = []
                for await change in changes { seen.append(change) }
                #expect(
                    seen.map(\.to)
                        == (tested.capabilities.isRemote ? [.connecting, .connected, .destroyed] : [.destroyed])
                )
                for (earlier, later) in zip(seen, seen.dropFirst()) {
                    #expect(earlier.to == later.from)
                    #expect(earlier.time <= later.time)
                }
            }
        }

        @Test(arguments: Subject.all)
        func closeablesAreClosedBeforeTheEndTheLastFirst(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let closed = Records()
                try await tested.backend.write("f", "x")
                await tested.outermost.trackCloseable(Closeable("first", closed, tested.outermost))
                let scope = try tested.backend.scope("x")
                await scope.trackCloseable(Closeable("second", closed, tested.outermost, fails: true))
                await tested.backend.trackCloseable(Closeable("third", closed, tested.outermost))
                await scope.destroy()
                #expect(closed.all.isEmpty, "it is the backend's, not the scope's")
                await tested.outermost.destroy()
                #expect(closed.all.map(\.operation) == ["third", "second", "first"])
                #expect(closed.all.allSatisfy { $0.subject != "destroyed" }, "the backend can still be used")
                await tested.outermost.trackCloseable(Closeable("late", closed, tested.outermost))
                #expect(closed.all.last?.operation == "late", "closed at once")
                #expect(closed.all.count == 4)
            }
        }
    }
}

/// All that a stream tells, to its end.
private func statuses(_ changes: AsyncStream<BackendStatusChange>) async -> [BackendStatus] {
    await changes.reduce(into: []) { $0.append($1.to) }
}

/// Keeps what it is told.
final class Records: OperationsLogger {
    private let records = Mutex<[OperationRecord]>([])

    var all: [OperationRecord] { records.withLock { $0 } }

    func record(_ record: OperationRecord) {
        records.withLock { $0.append(record) }
    }
}

/// Tells that it was closed, and what the backend's status was.
private struct Closeable: BackendCloseable {
    struct Failure: Error {}

    let name: String
    let records: Records
    let backend: any Backend
    let fails: Bool

    init(_ name: String, _ records: Records, _ backend: any Backend, fails: Bool = false) {
        self.name = name
        self.records = records
        self.backend = backend
        self.fails = fails
    }

    func close() async throws {
        records.record(OperationRecord(operation: name, subject: "\(backend.status)"))
        if fails { throw Failure() }
    }
}
