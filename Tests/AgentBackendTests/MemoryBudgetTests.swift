import NIOCore
import Testing

@testable import AgentBackend

/// What the keys of memory backends count for, which is back to nothing when they are gone.
@Suite struct MemoryBudgetTests {
    private static func cost(_ key: String, _ contents: Int) -> UInt64 {
        UInt64(MemoryStore.cost(ofKey: Array(key.utf8), contents: contents))
    }

    @Test func countsWhatIsHeld() async throws {
        let budget = MemoryBudget(allowed: 10_000)
        let backend = MemoryBackend(budget: budget)
        try await backend.put("a", String(repeating: "x", count: 100))
        #expect(budget.held == Self.cost("a", 100))
        try await backend.put("a", String(repeating: "x", count: 40))
        #expect(budget.held == Self.cost("a", 40))
        try await backend.put("a", "xx", options: WriteOptions(mode: .append))
        #expect(budget.held == Self.cost("a", 42))
        try await backend.put("b/c", "x", options: WriteOptions(mode: .append))
        #expect(budget.held == Self.cost("a", 42) + Self.cost("b/c", 1))
        _ = try await refusal(of: try await backend.put("a", "", options: WriteOptions(mode: .createOnly)))
        #expect(budget.held == Self.cost("a", 42) + Self.cost("b/c", 1))
        try await backend.remove("a")
        #expect(budget.held == Self.cost("b/c", 1))
        try await backend.put("b/d", "x")
        try await backend.remove("b", recursive: true)
        #expect(budget.held == 0)

        try await backend.put("a", "x")
        let other = MemoryBackend(budget: budget)
        try await other.put("a", "x")
        await backend.destroy()
        #expect(budget.held == Self.cost("a", 1))
        await other.destroy()
        #expect(budget.held == 0)
    }

    /// From the next change on; what is held stays.
    @Test func mayBeChangedAtAnyTime() async throws {
        let budget = MemoryBudget(allowed: 1000)
        let backend = MemoryBackend(budget: budget)
        try await backend.put("a", String(repeating: "x", count: 500))
        budget.allow(100)
        let refused = try await refusal(of: try await backend.put("b", "x"))
        #expect(refused == "RESOURCE_EXHAUSTED")
        #expect(try await backend.names("/") == ["a"])
        budget.allow(10_000)
        try await backend.put("b", String(repeating: "x", count: 5000))
        await backend.destroy()
        #expect(budget.held == 0)
    }

    @Test func refusesWhatGoesOverIt() async throws {
        let budget = MemoryBudget(allowed: 1000)
        let backend = MemoryBackend(budget: budget)
        try await backend.put("a", String(repeating: "x", count: 500))
        let held = budget.held
        for mode in [WriteOptions.Mode.replace, .append, .createOnly] {
            let large = String(repeating: "x", count: 900)
            let write = try await refusal(of: try await backend.put("b", large, options: WriteOptions(mode: mode)))
            #expect(write == "RESOURCE_EXHAUSTED")
        }
        let error = await #expect(throws: BackendError.self) {
            try await backend.put("b", String(repeating: "x", count: 900))
        }
        #expect(error?.limit == LimitDetails(name: "memory_bytes", used: held, allowed: 1000))
        #expect(budget.held == held)
        #expect(try await backend.names("/") == ["a"])
        // It may shrink to make room.
        try await backend.put("a", "")
        try await backend.put("b", String(repeating: "x", count: 500))
        await backend.destroy()
        #expect(budget.held == 0)
    }

    /// Keys count too: else names alone would fill the memory.
    @Test func boundsEmptyKeys() async throws {
        let budget = MemoryBudget(allowed: 100_000)
        let backend = MemoryBackend(budget: budget)
        var count = 0
        while (try? await backend.put("key \(count)", "")) != nil, count < 10_000 { count += 1 }
        #expect(count > 100 && count < 1000)
        await backend.destroy()
        #expect(budget.held == 0)
    }

    @Test func countsWhatIsStreamed() async throws {
        let budget = MemoryBudget(allowed: 1000)
        let backend = MemoryBackend(budget: budget)
        let path = try WorkspacePath("file")
        let piece = ByteBuffer(repeating: 0, count: 300)
        for ending in ["commit", "abort", "drop"] {
            let writer = try await backend.openWriter(path, options: WriteOptions())
            try await writer.write(piece)
            try await writer.write(piece)
            #expect(
                try await refusal(of: try await writer.write(ByteBuffer(repeating: 0, count: 500)))
                    == "RESOURCE_EXHAUSTED"
            )
            switch ending {
            case "commit":
                _ = try await writer.commit()
                #expect(budget.held == Self.cost("file", 600))
                try await backend.remove("file")
            case "abort": await writer.abort()
            default: break
            }
        }
        #expect(budget.held == 0)

        // No room for the name. The bytes are kept for another try, and given back with the writer.
        let writer = try await backend.openWriter(path, options: WriteOptions())
        try await writer.write(ByteBuffer(repeating: 0, count: 990))
        for _ in 0..<2 { #expect(try await refusal(of: try await writer.commit()) == "RESOURCE_EXHAUSTED") }
        #expect(budget.held == 990)
        await writer.abort()
        #expect(budget.held == 0)
        #expect(try await backend.names("/") == [])
    }

    @Test func countsWhatIsMovedAndCopied() async throws {
        let budget = MemoryBudget(allowed: 100_000)
        let backend = MemoryBackend(budget: budget)
        let large = String(repeating: "x", count: 1000)
        for key in ["long/a", "long/b/c"] { try await backend.put(key, large) }
        try await backend.rename("long", to: "s")
        #expect(budget.held == Self.cost("s/a", 1000) + Self.cost("s/b/c", 1000))

        // Onto a key: what it held is given back, once.
        try await backend.put("f", "12")
        try await backend.rename("f", to: "s/a")
        #expect(budget.held == Self.cost("s/a", 2) + Self.cost("s/b/c", 1000))
        try await backend.copy("s/b/c", to: "s/a")
        #expect(budget.held == Self.cost("s/a", 1000) + Self.cost("s/b/c", 1000))
        try await backend.copy("s", to: "t", recursive: true)
        try await backend.copy("s", to: "t", recursive: true)
        #expect(budget.held == 4 * Self.cost("s/a", 1000) + 4)

        // A key that is a directory too goes onto one, with what is below it.
        try await backend.put("s", "1")
        try await backend.put("u", large)
        try await backend.rename("s", to: "u")
        #expect(try await backend.contents("u") == "1")
        #expect(budget.held == 4 * Self.cost("s/a", 1000) + 4 + Self.cost("u", 1))

        // What is a directory alone does not: neither the key nor its bytes go.
        let held = budget.held
        try await backend.put("v", large)
        #expect(try await refusal(of: try await backend.rename("t", to: "v")) == "WRITE_FAILED (NOT_DIRECTORY)")
        #expect(
            try await refusal(of: try await backend.copy("t", to: "v", recursive: true))
                == "WRITE_FAILED (NOT_DIRECTORY)"
        )
        #expect(budget.held == held + Self.cost("v", 1000))
        try await backend.remove("v", recursive: true)
        #expect(budget.held == held)
        try await backend.remove("/", recursive: true)
        #expect(budget.held == 0)
    }

    /// Whatever becomes of the accounts, the process goes on.
    @Test func neverHoldsLessThanNothing() throws {
        let outer = MemoryBudget(allowed: 100)
        let budget = MemoryBudget(allowed: 100, within: outer)
        try budget.change(by: 10)
        budget.release(11)
        budget.release(-1)
        #expect(budget.held == 0 && outer.held == 0)
        try budget.change(by: 100)
        #expect(budget.held == 100 && outer.held == 100)
    }

    @Test func isGivenBackByABackendThatIsDropped() async throws {
        let budget = MemoryBudget(allowed: 1000)
        do {
            let backend = MemoryBackend(budget: budget)
            try await backend.put("a", "x")
            #expect(budget.held > 0)
        }
        #expect(budget.held == 0)
    }

    @Test func addsUpFromManyTasks() async throws {
        let budget = MemoryBudget(allowed: 1 << 20)
        let backend = MemoryBackend(budget: budget)
        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for count in 0..<200 {
                        let key = "\(task % 4)/\(count % 10)"
                        switch count % 5 {
                        case 0, 1: try await backend.put(key, String(repeating: "x", count: count))
                        case 2: try await backend.put(key, "x", options: WriteOptions(mode: .append))
                        case 3: try await backend.remove(key, force: true)
                        default: try await backend.remove("\(task % 4)", recursive: true, force: true)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await backend.remove("/", recursive: true, force: true)
        #expect(budget.held == 0)
    }
}
