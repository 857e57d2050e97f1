import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Commands as a client on the wire sees them.
@Suite(.timeLimit(.minutes(1))) struct ExecTests {
    private func end(_ result: (reply: Reply?, payload: ByteBuffer)) throws -> ExecEndReply {
        guard case .execEnd(let end)? = result.reply else { throw WireConversation.Unexpected(frame: nil) }
        return end
    }

    @Test(arguments: Transport.allCases)
    func startedOutputAndEndComeInThisOrder(transport: Transport) async throws {
        try await withConversation(over: transport) { broker, client in
            let frames = try await client.answers(
                to: client.frame(WireConversation.shell("echo out; echo err >&2; exit 3"))
            )
            guard case .reply(.execStarted(let started))? = frames.first?.body else {
                Issue.record("\(frames)")
                return
            }
            #expect(started.isolation == broker.isolation)
            var outputs: [CommandStream: String] = [:]
            for frame in frames.dropFirst().dropLast() {
                guard case .reply(.execOutput(let output)) = frame.body else {
                    Issue.record("\(frame)")
                    continue
                }
                outputs[output.stream, default: ""] += String(buffer: frame.payload)
            }
            #expect(outputs == [.standardOutput: "out\n", .standardError: "err\n"])
            guard case .reply(.execEnd(let end))? = frames.last?.body else {
                Issue.record("\(frames)")
                return
            }
            #expect(end.end.outcome == .exited(code: 3))
            #expect(end.end.usage.standardOutputBytes == 4 && end.end.usage.standardErrorBytes == 4)
            #expect(frames.map(\.last) == frames.map { _ in false }.dropLast() + [true])
        }
    }

    @Test(arguments: ["", " \t\n "])
    func nothingToRunIsRefused(line: String) async throws {
        try await withConversation { _, client in
            let call = client.frame(WireConversation.shell(line))
            let code = try await errorCode { try await client.call(call) }
            #expect(code == .emptyCommand)
        }
    }

    /// A command that reads nothing does not hold what others may send.
    @Test func inputThatNobodyReadsHoldsNoCreditOfTheConnection() async throws {
        let window = 64 << 10
        try await withConversation(configure: {
            $0.limits.streamWindowBytes = window
            $0.limits.connectionWindowBytes = window
        }) { _, client in
            let exec = client.frame(WireConversation.shell("sleep 100000", opensStandardInput: true), last: false)
            try await client.client.send(exec)
            try await client.waitUntilStarted(exec.id)
            // What the pipe takes, and a window more, which stays here.
            var (stream, connection, sent) = (window, window, 0)
            while sent < 2 * window {
                let count = min(stream, connection, 2 * window - sent)
                if count > 0 {
                    let piece = ByteBuffer(repeating: 1, count: count)
                    try await client.client.send(ClientFrame(id: exec.id, last: false, body: .chunk, payload: piece))
                    (stream, connection, sent) = (stream - count, connection - count, sent + count)
                    continue
                }
                guard case .window(let id, let bytes)? = try await client.client.next(of: 0)?.body else { continue }
                if id == 0 { connection += Int(bytes) } else { stream += Int(bytes) }
            }
            while connection < window / 2 {
                guard case .window(let id, let bytes)? = try await client.client.next(of: 0)?.body else { continue }
                if id == 0 { connection += Int(bytes) }
            }
            try await client.client.send(ClientFrame(id: 0, body: .cancel(call: exec.id)))
            let code = try await errorCode { try await client.result(of: exec.id) }
            #expect(code == .cancelled)
        }
    }

    @Test func standardInputIsWhatTheClientSends() async throws {
        try await withConversation { _, client in
            let exec = client.frame(
                WireConversation.shell("wc -c", opensStandardInput: true),
                last: false,
                payload: ByteBuffer(repeating: 1, count: 1000)
            )
            try await client.client.send(exec)
            // Three times the stream's window: it comes back as the command reads.
            var credit = (1 << 20) - 1000
            var rest = 3 << 20
            while rest > 0 {
                while credit < 1 << 18 {
                    guard let frame = try await client.client.next(of: 0) else { break }
                    if case .window(stream: exec.id, let bytes) = frame.body { credit += Int(bytes) }
                }
                let piece = ByteBuffer(repeating: 2, count: 1 << 18)
                credit -= piece.readableBytes
                rest -= piece.readableBytes
                try await client.client.send(ClientFrame(id: exec.id, last: rest == 0, body: .chunk, payload: piece))
            }
            let output = String(buffer: try await client.result(of: exec.id).payload)
            #expect(output.trimmingPrefix(while: \.isWhitespace) == "\(1000 + (3 << 20))\n")
        }
    }

    @Test func withoutAnOpenStandardInputItIsAtItsEnd() async throws {
        try await withConversation { _, client in
            let result = try await client.call(client.frame(WireConversation.shell("cat; echo end")))
            #expect(String(buffer: result.payload) == "end\n")
        }
    }

    @Test func aCancelKillsTheTreeBeforeItIsAnswered() async throws {
        try await withConversation(configure: { $0.exec.grace = .milliseconds(50) }) { broker, client in
            let line = "trap '' TERM; (setsid sh -c 'sleep 1000' &); sleep 1000"
            let exec = try await client.begin(client.frame(WireConversation.shell(line)))
            try await client.waitUntilStarted(exec)
            try await client.client.send(ClientFrame(id: 0, body: .cancel(call: exec)))
            #expect(try await errorCode { try await client.result(of: exec) } == .cancelled)
            #expect(commands(beneath: broker.root).isEmpty)
            #expect(try await client.statistics().execsRunning == 0)
        }
    }

    /// Right behind the call, when nothing of it may have begun.
    @Test func aCancelRightAwayIsAnsweredToo() async throws {
        try await withConversation { broker, client in
            for _ in 0..<10 {
                let exec = client.frame(WireConversation.shell("sleep 1000"))
                try await client.client.send(exec, ClientFrame(id: 0, body: .cancel(call: exec.id)))
                #expect(try await errorCode { try await client.result(of: exec.id) } == .cancelled)
            }
            #expect(commands(beneath: broker.root).isEmpty)
        }
    }

    @Test func theDeadlineOfTheCallEndsIt() async throws {
        try await withConversation { broker, client in
            let special = CallOptions.Special(deadline: .milliseconds(50))
            let exec = client.frame(WireConversation.shell("sleep 1000"), special: special)
            let code = try await errorCode { try await client.call(exec) }
            #expect(code == .deadlineExceeded)
            #expect(commands(beneath: broker.root).isEmpty)
        }
    }

    @Test func theDeadlineOfTheProcessIsAResult() async throws {
        try await withConversation { broker, client in
            let start = ExecStart(
                program: .shellLine(Array("echo before; sleep 1000".utf8)),
                timeout: .milliseconds(200)
            )
            let end = try end(try await client.call(client.frame(.execStart(start))))
            #expect(end.end.outcome == .timedOut(after: .milliseconds(200)))
            #expect(commands(beneath: broker.root).isEmpty)
        }
    }

    // MARK: Credit

    /// Writes ten pieces of 100 kB and says after each how far it is.
    private static let counting =
        "for i in $(seq 1 100); do head -c 100000 /dev/zero; echo $i > progress; done; echo end >&2"

    /// What waits for a client without credit is in the command's pipe, and the command waits.
    @Test func aCommandStopsWhereTheClientGivesNoCredit() async throws {
        try await withBroker { broker in
            let client = try await WireConversation(with: broker, givesCredit: false)
            let exec = try await client.begin(client.frame(WireConversation.shell(Self.counting)))
            try await client.waitUntilStarted(exec)
            var received = 0
            while received < 1 << 20 {
                received += try #require(try await client.client.next(of: exec)).payload.readableBytes
            }
            // All of the credit is used, and not a byte more.
            #expect(received == 1 << 20)
            // Ten pieces went through the window. An eleventh fits into the pipe and one read of the broker's.
            while Int(try await client.read("progress").filter(\.isNumber)) ?? 0 < 10 {}
            for _ in 0..<100 { try await client.call(client.frame(.echo)) }
            #expect((10...12).contains(Int(try await client.read("progress").filter(\.isNumber)) ?? 0))

            try await client.client.send(
                ClientFrame(id: 0, body: .window(stream: exec, bytes: 100 << 20)),
                ClientFrame(id: 0, body: .window(stream: 0, bytes: 100 << 20))
            )
            let result = try await client.result(of: exec)
            #expect(received + result.payload.readableBytes == 100 * 100_000 + 4)
            #expect(try end(result).end.outcome == .exited(code: 0))
            await client.client.close()
        }
    }

    /// It does not hold up the others of its connection, as long as that has credit.
    @Test func aStreamWithoutCreditDoesNotHoldUpTheOthers() async throws {
        try await withBroker { broker in
            let client = try await WireConversation(with: broker, givesCredit: false)
            let stuck = try await client.begin(client.frame(WireConversation.shell("yes")))
            try await client.waitUntilStarted(stuck)
            for index in 0..<50 {
                let echo = client.frame(.echo, payload: ByteBuffer(string: "\(index)"))
                #expect(String(buffer: try await client.call(echo).payload) == "\(index)")
            }
            try await client.client.send(ClientFrame(id: 0, body: .cancel(call: stuck)))
            #expect(try await errorCode { try await client.result(of: stuck) } == .cancelled)
            await client.client.close()
        }
    }
}
