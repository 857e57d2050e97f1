import AgentBackend
import BrokerClient
import Foundation
import NIOCore
import Testing

/// One of many that make calls one after the other, in a directory of its own, and knows what each is to answer.
struct Caller: Sendable {
    private let number: Int
    private let org: String
    private let connection: BrokerConnection
    private let target: BrokerTarget
    /// What is in its files, by slot.
    private var files: [Int: [UInt8]] = [:]
    private var execs = 0

    /// That the callers of an org share.
    static let keys = 5
    private static let slots = 4
    private static let stepsPerRound = 9
    private static let roundsPerExec = 55

    /// One of three callers keeps its files in memory.
    init(number: Int, org: String, connection: BrokerConnection) {
        self.number = number
        self.org = org
        self.connection = connection
        target = BrokerTarget(backend: number % 3 == 2 ? .memory : .localFilesystem, key: "key-\(number % Self.keys)")
    }

    /// Returns how many of the calls were commands.
    mutating func call(times: Int) async throws -> Int {
        try await connection.rm(directory, options: RemoveOptions(recursive: true, force: true), on: target)
        for sequence in 0..<(times - 1) { try await call(sequence) }
        return execs
    }

    private mutating func call(_ sequence: Int) async throws {
        let (round, step) = sequence.quotientAndRemainder(dividingBy: Self.stepsPerRound)
        let slot = round % Self.slots
        let next = (round + 1) % Self.slots
        switch step {
        case 0, 3: try await write(contents(sequence), to: slot)
        case 1: try await check(try await connection.read(path(slot), on: target), files[slot], sequence)
        case 2: try await stat(slot)
        case 4: try await list()
        case 5: try await remove(next)
        case 6: await expectMissing { _ = try await connection.read(try path(next), on: target) }
        case 7 where (round + number) % Self.roundsPerExec == 0: try await execute(slot, sequence)
        default:
            let sent = contents(sequence)
            try await check(try await connection.echo(ByteBuffer(bytes: sent), on: target), sent, sequence)
        }
    }

    private var directory: WorkspacePath { get throws { try WorkspacePath("callers/\(number)") } }

    private func path(_ slot: Int) throws -> WorkspacePath { try WorkspacePath("callers/\(number)/file-\(slot)") }

    /// No two calls have the same; one of 100 is large.
    private func contents(_ sequence: Int) -> [UInt8] {
        let length = sequence % 100 == 99 ? 300_000 : (sequence * 7919) % 3000
        let start = Array("\(org) caller \(number) call \(sequence)\n".utf8)
        let pattern = (0..<256).map { UInt8(truncatingIfNeeded: $0 ^ number ^ sequence) }
        var rest: [UInt8] = []
        while rest.count < length { rest += pattern.prefix(length - rest.count) }
        return start + rest
    }

    private func check(_ received: ByteBuffer, _ expected: [UInt8]?, _ sequence: Int) async throws {
        let isSame = received == ByteBuffer(bytes: try #require(expected))
        try #require(isSame, "call \(sequence) of caller \(number)")
    }

    private mutating func write(_ bytes: [UInt8], to slot: Int) async throws {
        let info = try await connection.write(path(slot), ByteBuffer(bytes: bytes), on: target)
        files[slot] = bytes
        try #require(info.size == UInt64(bytes.count))
    }

    private func stat(_ slot: Int) async throws {
        let info = try await connection.stat(path(slot), on: target)
        try #require(info.kind == .regular)
        try #require(info.size == UInt64(try #require(files[slot]).count))
    }

    private func list() async throws {
        let page = try await connection.readdir(directory, on: target)
        try #require(
            page.entries.map { String(decoding: $0.name, as: UTF8.self) } == files.keys.sorted().map { "file-\($0)" }
        )
        try #require(!page.isTruncated)
    }

    private mutating func remove(_ slot: Int) async throws {
        if files.removeValue(forKey: slot) != nil {
            try await connection.rm(path(slot), on: target)
        } else {
            await expectMissing { try await connection.rm(try path(slot), on: target) }
        }
    }

    private mutating func execute(_ slot: Int, _ sequence: Int) async throws {
        execs += 1
        let line = "cat 'callers/\(number)/file-\(slot)'"
        do {
            let result = try await connection.run(ExecRequest(.shellLine(Array(line.utf8))), on: target)
            try await check(result.standardOutput, files[slot], sequence)
            try #require(target.backend == .localFilesystem)
        } catch let error as BackendError where target.backend == .memory {
            try #require(error.code == .notImplemented)
        }
    }

    private func expectMissing(_ call: () async throws -> Void) async {
        do {
            try await call()
            Issue.record("caller \(number) of \(org) finds what it removed")
        } catch let error as BackendError {
            #expect(error.reason == .notFound || error.code == .keyNotFound, "\(error)")
        } catch {
            Issue.record(error)
        }
    }
}
