import AgentBackend
import NIOCore
import Testing

@testable import BrokerClient

/// A call that a connection is cut under, and how to tell how often it had its effect.
struct LossVerb: Sendable, CustomTestStringConvertible {
    let name: String
    /// It takes a lease on its connection first.
    var takesLease = false
    var resend = RemoteFilesystemBackend.Resend.none
    /// Where the policy says that it is made again, it succeeds in the end.
    var isRepeated: Bool { resend == .reads }
    /// What it needs to be there.
    var prepare: @Sendable (any Backend) async throws -> Void = { _ in }
    /// Throws what the call throws; a result that is not what it should be is an issue.
    let perform: @Sendable (any Backend) async throws -> Void
    /// How often it had its effect; nil: it has none.
    var effects: (@Sendable (any Backend) async throws -> Int)?

    var testDescription: String { name }

    static let large = pattern(3 << 20)
    private static let small = pattern(10_000)

    static let all = [
        LossVerb(
            name: "stat",
            prepare: { try await $0.write("f", "12345") },
            perform: { (backend: any Backend) async throws in
                #expect(try await backend.stat("f").size == 5)
            }
        ),
        LossVerb(
            name: "stat, made again",
            resend: .reads,
            prepare: { try await $0.write("f", "12345") },
            perform: { (backend: any Backend) async throws in
                #expect(try await backend.stat("f").size == 5)
            }
        ),
        LossVerb(
            name: "read",
            prepare: { try await $0.write("f", small) },
            perform: { (backend: any Backend) async throws in
                #expect(try await backend.read("f") == small)
            }
        ),
        LossVerb(
            name: "write",
            perform: { try await $0.write("f", "line\n", options: WriteOptions(mode: .append)) },
            effects: { try await lines("f", of: $0) }
        ),
        LossVerb(
            name: "read in pieces",
            prepare: { try await $0.write("f", large) },
            perform: { (backend: any Backend) async throws in
                #expect(try await backend.read("f") == large)
            }
        ),
        LossVerb(
            name: "write in pieces",
            perform: { backend in
                let writer = try await backend.openWriter(WorkspacePath("f"), options: WriteOptions())
                var rest = large
                while let piece = rest.readSlice(length: min(200_000, rest.readableBytes)), piece.readableBytes > 0 {
                    try await writer.write(piece)
                }
                #expect(try await writer.commit().size == UInt64(large.readableBytes))
            },
            effects: { backend in
                guard try await backend.exists("f") else { return 0 }
                #expect(try await backend.read("f") == large, "whole, or not at all")
                return 1
            }
        ),
        LossVerb(
            name: "exec",
            perform: { backend in
                let request = ExecRequest(.shellLine(Array("echo line >> f; cat; echo err >&2".utf8)))
                let result = try await backend.run(request, input: small)
                #expect(result.standardOutput == small)
                #expect(String(buffer: result.standardError) == "err\n")
                #expect(result.exitCode == 0)
            },
            effects: { try await lines("f", of: $0) }
        ),
        LossVerb(
            name: "write, with a lease",
            takesLease: true,
            perform: { try await $0.write("f", "line\n", options: WriteOptions(mode: .append)) },
            effects: { try await lines("f", of: $0) }
        ),
    ]

    private static func lines(_ path: String, of backend: any Backend) async throws -> Int {
        guard try await backend.exists(path) else { return 0 }
        return try await backend.readText(path).split(separator: "\n").count
    }

    /// Contents that tell where they belong.
    private static func pattern(_ count: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            for index in 0..<count { memory[index] = UInt8(truncatingIfNeeded: index &* 2_654_435_761 >> 16) }
            return count
        }
        return buffer
    }
}
