import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Synchronization
import Testing

@testable import BrokerClient

/// Many commands at once, each writing bytes that are known by their place, to readers of all kinds.
@Suite(.serialized) struct NoByteLostTests {
    /// How a command's output is read.
    private enum Reading: Int, CaseIterable {
        case foreground
        /// Begins to read when all the others are done.
        case slowForeground
        case fromTheBeginning
        case fromAnywhere
        case slowInTheBackground
    }

    /// What one command writes: of each stream so many bytes, in pieces of odd sizes.
    private struct Work {
        let reading: Reading
        let counts: StreamOffsets
        let seed: Int
        let piece: Int

        init(_ index: Int, _ random: inout SeededNumbers) {
            reading = Reading(rawValue: index % Reading.allCases.count) ?? .foreground
            seed = index
            let largest = index % 50 < 5 ? 2 << 20 : index % 10 < 5 ? 200_000 : 3000
            let isWhole = index % 250 < 5
            counts = StreamOffsets(
                standardOutput: isWhole ? 8 << 20 : UInt64.random(in: 0...UInt64(largest), using: &random),
                standardError: index % 7 == 0 ? 0 : UInt64.random(in: 0...UInt64(largest / 3), using: &random)
            )
            piece = Int.random(in: 1...100_000, using: &random) | 1
        }

        /// Ends at once after its last write.
        var request: ExecRequest {
            let program = """
                my ($s, $p, @n) = @ARGV;
                my @b = map { my $f = $_; join '', map { chr(($_ * 131 + $s + $f * 7) & 255) } 0..4098 } 1, 2;
                my @h = (*STDOUT, *STDERR);
                my @o = (0, 0);
                while ($o[0] < $n[0] || $o[1] < $n[1]) {
                  for my $i (0, 1) {
                    my $c = $n[$i] - $o[$i]; $c = $p if $c > $p; next if $c < 1;
                    my $k = $o[$i] % 4099;
                    my $d = substr($b[$i] x (($c + $k) / 4099 + 1), $k, $c);
                    my $w = 0;
                    while ($w < $c) { $w += syswrite($h[$i], $d, $c - $w, $w) // die }
                    $o[$i] += $c;
                  }
                }
                """
            let numbers = [seed, piece, Int(counts.standardOutput), Int(counts.standardError)].map {
                Array("\($0)".utf8)
            }
            return ExecRequest(.arguments([Array("perl".utf8), Array("-e".utf8), Array(program.utf8)] + numbers))
        }

        /// The bytes of a stream from an offset on.
        func holds(_ bytes: ByteBuffer, at offset: UInt64, _ stream: CommandStream) -> Bool {
            let block = (0..<4099).map { UInt8(truncatingIfNeeded: $0 * 131 + seed + Int(stream.rawValue) * 7) }
            var (rest, place) = (bytes, Int(offset % 4099))
            while let piece = rest.readSlice(length: min(4099 - place, rest.readableBytes)), piece.readableBytes > 0 {
                guard ByteBuffer(bytes: block[place..<place + piece.readableBytes]) == piece else { return false }
                place = 0
            }
            return true
        }
    }

    /// Opens once.
    private final class Gate: Sendable {
        private let state = Mutex((isOpen: false, waiters: [CheckedContinuation<Void, Never>]()))

        func open() {
            let waiters = state.withLock { state in
                defer { state = (true, []) }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }

        func wait() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiters.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
    }

    private static let count = 500
    private static let connections = 10

    @Test(.timeLimit(.minutes(5)))
    func everyByteArrivesOrIsToldToBeMissing() async throws {
        var random = SeededNumbers(state: 5)
        let works = (0..<Self.count).map { Work($0, &random) }
        let starts = works.map { work in
            StreamOffsets(
                standardOutput: UInt64.random(in: 0...work.counts.standardOutput, using: &random),
                standardError: UInt64.random(in: 0...work.counts.standardError, using: &random)
            )
        }
        try await withBroker(configure: {
            $0.exec.maxRunning = Self.count
            $0.exec.maxRunningPerOrg = Self.count
            $0.exec.maxEndedBackground = Self.count
            $0.exec.maxEndedBackgroundBytesPerOrg = 1 << 30
            $0.limits.queueTimeout = .seconds(600)
        }) { broker in
            var connections: [BrokerConnection] = []
            for _ in 0..<Self.connections { connections.append(try await connect(to: broker)) }
            let gate = Gate()
            try await withThrowingTaskGroup(of: Void.self) { slow in
                try await withThrowingTaskGroup(of: Void.self) { quick in
                    for (index, work) in works.enumerated() {
                        let connection = connections[index % Self.connections]
                        let target = BrokerTarget(key: "k\(index % 7)")
                        switch work.reading {
                        case .foreground:
                            quick.addTask { try await readForeground(work, connection, target) }
                        case .slowForeground:
                            slow.addTask { try await readForeground(work, connection, target, after: gate) }
                        case .fromTheBeginning:
                            quick.addTask { try await readBackground(work, [.beginning], connection, target) }
                        case .fromAnywhere:
                            let offsets = [starts[index], .beginning, work.counts]
                            quick.addTask { try await readBackground(work, offsets, connection, target) }
                        case .slowInTheBackground:
                            slow.addTask {
                                try await readBackground(work, [.beginning], connection, target, after: gate)
                            }
                        }
                    }
                    defer { gate.open() }
                    try await quick.waitForAll()
                }
                try await slow.waitForAll()
            }
            for connection in connections { await connection.close() }
        }
    }

    private func connect(to broker: InProcessBroker) async throws -> BrokerConnection {
        try await BrokerConnection.connect(to: try BrokerAddress("127.0.0.1:\(broker.port)"), token: broker.token())
    }

    private func readForeground(
        _ work: Work,
        _ connection: BrokerConnection,
        _ target: BrokerTarget,
        after gate: Gate? = nil
    ) async throws {
        let session = try connection.exec(work.request, on: target)
        var counts = StreamOffsets()
        var end: ExecEnd?
        while let event = try await session.next() {
            switch event {
            case .started: await gate?.wait()
            case .standardOutput(let bytes): add(bytes, .standardOutput)
            case .standardError(let bytes): add(bytes, .standardError)
            case .ended(let ended): end = ended
            }
        }
        func add(_ bytes: ByteBuffer, _ stream: CommandStream) {
            if !work.holds(bytes, at: counts[stream], stream) { Issue.record("wrong bytes of \(work)") }
            counts[stream] += UInt64(bytes.readableBytes)
        }
        #expect(counts == work.counts)
        #expect(end?.outcome == .exited(code: 0))
        #expect(end?.usage.standardOutputBytes == work.counts.standardOutput)
    }

    private func readBackground(
        _ work: Work,
        _ offsets: [StreamOffsets],
        _ connection: BrokerConnection,
        _ target: BrokerTarget,
        after gate: Gate? = nil
    ) async throws {
        let command = try await connection.execDetached(work.request, on: target)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for from in offsets {
                group.addTask {
                    let output = try await command.attach(from: from)
                    await gate?.wait()
                    try await follow(output, from, work)
                }
            }
            try await group.waitForAll()
        }
        // And once more, when all is over: what is kept then is the end of it.
        let output = try await command.attach()
        try await follow(output, .beginning, work)
        let kept = output.info.keptFrom
        for stream in CommandStream.allCases {
            #expect(kept[stream] == work.counts[stream] - min(work.counts[stream], 1 << 20))
        }
    }

    private func follow(_ output: BackgroundOutput, _ from: StreamOffsets, _ work: Work) async throws {
        var next = from
        var end: ExecEnd?
        while let event = try await output.next() {
            switch event {
            case .output(let stream, let offset, let bytes):
                #expect(offset == next[stream])
                if !work.holds(bytes, at: offset, stream) { Issue.record("wrong bytes of \(work)") }
                next[stream] = offset + UInt64(bytes.readableBytes)
            case .missing(let stream, let missing):
                #expect(missing.lowerBound == next[stream] && !missing.isEmpty)
                next[stream] = missing.upperBound
            case .ended(let ended):
                end = ended
            }
        }
        #expect(next == work.counts)
        #expect(end?.outcome == .exited(code: 0))
    }

    // MARK: Ends

    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func everyExitStatusIsExact(isInTheBackground: Bool) async throws {
        try await check(0..<256, isInTheBackground, { "exit \($0)" }) { .exited(code: UInt32($0)) }
    }

    /// All that end a process which does nothing about them.
    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func everySignalIsExact(isInTheBackground: Bool) async throws {
        let harmless: Set = [17, 18, 19, 20, 21, 22, 23, 28, 32, 33]
        let signals = (1...64).filter { !harmless.contains($0) }
        // That signal is how the kernel tells of the longest file that a command may write.
        let longestFile = UInt64(BrokerConfiguration().exec.maxFileBytes)
        let expected: @Sendable (Int) -> ExecEnd.Outcome = { number in
            number == 25 ? .fileSizeLimit(longestFile) : .signaled(Int32(number))
        }
        try await check(signals, isInTheBackground, { "kill -\($0) $$" }, expected)
    }

    private func check(
        _ numbers: some Sequence<Int>,
        _ isInTheBackground: Bool,
        _ line: @escaping @Sendable (Int) -> String,
        _ expected: @escaping @Sendable (Int) -> ExecEnd.Outcome
    ) async throws {
        let target = BrokerTarget(key: "k")
        try await withBroker { broker in
            let connection = try await connect(to: broker)
            try await withThrowingTaskGroup(of: (Int, ExecEnd.Outcome).self) { group in
                var left = Array(numbers)[...]
                func next() {
                    guard let number = left.popFirst() else { return }
                    let request = ExecRequest(.arguments(["sh", "-c", line(number)].map { Array($0.utf8) }))
                    group.addTask {
                        guard isInTheBackground else {
                            return (number, try await connection.run(request, on: target).end.outcome)
                        }
                        return (number, try await connection.execDetached(request, on: target).wait().outcome)
                    }
                }
                for _ in 0..<16 { next() }
                while let (number, outcome) = try await group.next() {
                    #expect(outcome == expected(number), "\(number)")
                    next()
                }
            }
            await connection.close()
        }
    }
}

private struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        let mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return mixed ^ (mixed >> 31)
    }
}
