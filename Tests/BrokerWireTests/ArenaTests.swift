import CProtobufC
import Testing

@testable import BrokerWire

@Suite struct ArenaTests {
    private func withArena(_ body: (UnsafeMutablePointer<wire_arena>) throws -> Void) throws {
        let arena = try #require(wire_arena_create())
        defer { wire_arena_destroy(arena) }
        try body(arena)
    }

    @Test func givesAlignedMemoryThatDoesNotOverlap() throws {
        try withArena { arena in
            wire_arena_reset(arena, 1 << 20)
            var pieces: [(start: UInt, size: Int)] = []
            for size in [0, 1, 7, 8, 9, 100, 8000, 8192, 40_000, 1, 33_000] {
                let memory = try #require(wire_arena_allocate(arena, size))
                memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
                #expect(UInt(bitPattern: memory) % 8 == 0)
                pieces.append((UInt(bitPattern: memory), size))
            }
            let sorted = pieces.sorted { $0.start < $1.start }
            for (piece, next) in zip(sorted, sorted.dropFirst()) {
                #expect(piece.start + UInt(piece.size) <= next.start)
            }
        }
    }

    @Test func refusesWhatIsOverTheBudget() throws {
        try withArena { arena in
            wire_arena_reset(arena, 1000)
            #expect(wire_arena_allocate(arena, 1000) == nil)
            var allocated = 0
            while wire_arena_allocate(arena, 24) != nil { allocated += 1 }
            #expect(allocated == 1000 / 32)
            wire_arena_reset(arena, 1000)
            #expect(wire_arena_allocate(arena, 24) != nil)
        }
    }

    @Test func refusesSizesThatOverflow() throws {
        try withArena { arena in
            wire_arena_reset(arena, .max)
            #expect(wire_arena_allocate(arena, .max) == nil)
            #expect(wire_arena_allocate(arena, .max - 7) == nil)
            #expect(wire_arena_allocate(arena, .max - 15) == nil)
        }
    }

    @Test func givesBackAllButItsFirstChunk() throws {
        try withArena { arena in
            wire_arena_reset(arena, 1 << 20)
            for _ in 0..<100 { #expect(wire_arena_allocate(arena, 5000) != nil) }
            #expect(wire_arena_held(arena) >= 500_000)
            wire_arena_reset(arena, 0)
            #expect(wire_arena_held(arena) == 8 << 10)
            #expect(wire_arena_allocate(arena, 1) == nil)
        }
    }

    @Test func knowsTheLengthOfAString() throws {
        try withArena { arena in
            wire_arena_reset(arena, 1000)
            let memory = try #require(wire_arena_allocate(arena, 6))
            let string = memory.assumingMemoryBound(to: CChar.self)
            for index in 0..<6 { string[index] = 0 }
            #expect(wire_arena_string_length(string) == 5)
        }
    }
}
