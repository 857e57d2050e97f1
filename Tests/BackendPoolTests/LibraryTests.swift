import AgentBackend
import BackendPool
import NIOCore
import Synchronization
import Testing

/// The pool as a user of the library writes it, with backends that exist: nothing here is the package's own.
@Suite(.timeLimit(.minutes(1))) struct LibraryTests {
    @Test func backendsAreSharedByKey() async throws {
        let pool = try AnyBackendPool { _, _ in MemoryBackend() }
        let report = try await withThrowingTaskGroup(of: DrainReport.self) { group in
            group.addTask { await pool.run() }
            let path = try WorkspacePath("notes.txt")
            try await pool.withBackend(PoolKey(name: "agent-1")) { backend in
                try await backend.write(path, ByteBuffer(string: "hello"), options: WriteOptions())
            }
            let text = try await pool.withBackend(PoolKey(name: "agent-1")) { backend in
                String(buffer: try await backend.read(path))
            }
            #expect(text == "hello")
            await #expect(throws: BackendError.self) {
                try await pool.withBackend(PoolKey(name: "agent-2")) { try await $0.read(path) }
            }
            #expect(pool.statistics().creations == 2)
            #expect(pool.statistics().idle == 2)
            #expect(pool.statistics(org: 0).entries == 2)
            pool.triggerGracefulShutdown(deadline: .seconds(30))
            return try await group.next() ?? DrainReport()
        }
        #expect(report.destroyed == 2)
        #expect(pool.drainReport == report)
    }

    @Test func aLeaseByHandHasTheBackend() async throws {
        let pool = try AnyBackendPool { _, _ in MemoryBackend() }
        try await withRunning(pool) {
            let lease = try await pool.acquire(PoolKey(name: "agent-1"))
            let backend = lease.backend
            try await backend.write("a", "1")
            lease.release()
            #expect(pool.evict(PoolKey(name: "agent-1")) == .destroyed)
            await until { pool.statistics().entries == 0 }
            let error = await #expect(throws: BackendError.self) { try await backend.stat(.root, followLink: true) }
            #expect(error?.code == .backendDestroyed)
        }
    }

    @Test func whatTheFactoryThrowsIsWhatCallersGet() async throws {
        struct NoHost: Error {}
        let pool = try AnyBackendPool { key, _ in
            if key.name == "broken" { throw BackendError(.missingUtilities, message: "no shell: install one") }
            throw NoHost()
        }
        try await withRunning(pool) {
            let broken = await #expect(throws: BackendError.self) {
                try await pool.withBackend(PoolKey(name: "broken")) { _ in }
            }
            #expect(broken?.code == .missingUtilities)
            let other = await #expect(throws: BackendError.self) {
                try await pool.withBackend(PoolKey(name: "other")) { _ in }
            }
            #expect(other?.code == .internal)
            #expect(other?.cause is NoHost)
        }
    }

    @Test func theFactoryGetsTheMergedConfiguration() async throws {
        let seen = Mutex<[EntryConfiguration]>([])
        let defaults = EntryConfiguration(environment: try Environment(["LANG": "C"]), logMode: .standard)
        let pool = try AnyBackendPool(defaults: defaults) { _, configuration in
            seen.withLock { $0.append(configuration) }
            return MemoryBackend()
        }
        try await withRunning(pool) {
            let wanted = EntryConfiguration(logMode: .verbose)
            try await pool.withBackend(PoolKey(name: "a"), configuration: wanted) { _ in }
            try await pool.withBackend(PoolKey(name: "b")) { _ in }
            #expect(seen.withLock { $0 } == [defaults.merging(wanted), defaults])
            let conflict = await #expect(throws: BackendError.self) {
                try await pool.withBackend(PoolKey(name: "b"), configuration: wanted) { _ in }
            }
            #expect(conflict?.code == .conflict)
        }
    }

    @Test func aKeylessBackendIsDestroyedWithItsFiles() async throws {
        let shared = MemoryBackend(maximumReaddirEntries: 2)
        let pool = try AnyBackendPool { key, _ in
            try shared.scope(key.name ?? "fresh")
        }
        try await withRunning(pool) {
            for key in [PoolKey(name: "kept"), PoolKey(name: nil)] {
                try await pool.withBackend(key) { backend in
                    for name in ["a", "b", "c", "d/e", "f"] {
                        let path = try WorkspacePath(name)
                        try await backend.write(path, ByteBuffer(string: name), options: WriteOptions())
                    }
                }
            }
            await until { pool.statistics().entries == 1 }
        }
        let names = try await shared.readdir(.root, options: ReaddirOptions()).entries.map(\.name)
        #expect(names == [Array("kept".utf8)])
    }

    /// Memory stays, unless asked otherwise; files do not.
    @Test func memoryIsKeptUnlessATimeToLiveWasAskedFor() {
        let memory = MemoryBackend()
        let kept = PooledBackend(memory)
        #expect(kept.idleTimeout == .never)
        #expect(!kept.isEvictable)
        let mortal = PooledBackend(memory, configuration: EntryConfiguration(idleTimeout: .seconds(9)))
        #expect(mortal.idleTimeout == .after(.seconds(9)))
        #expect(!mortal.isEvictable)
        #expect(EntryConfiguration().idleTimeout(of: .localFilesystem) == .pool)
        #expect(EntryConfiguration().isEvictable(.localFilesystem))
    }

    @Test func aBackendThatWasDestroyedIsReplaced() async throws {
        let pool = try AnyBackendPool { _, _ in MemoryBackend() }
        try await withRunning(pool) {
            let lease = try await pool.acquire(PoolKey(name: "a"))
            await lease.backend.destroy()
            try await pool.withBackend(PoolKey(name: "a")) { backend in
                #expect(backend !== lease.backend)
            }
            #expect(pool.statistics().replacements == 0, "the old one has a lease")
            lease.release()
            #expect(pool.statistics().replacements == 1)
        }
    }
}

/// Runs `body` while `pool` runs.
private func withRunning(_ pool: AnyBackendPool, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await pool.run() }
        do {
            try await body()
        } catch {
            pool.triggerGracefulShutdown(deadline: .zero)
            throw error
        }
        pool.triggerGracefulShutdown(deadline: .zero)
    }
}
