import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// Commands that outlive their calls, over real sockets and with real processes.
@Suite(.timeLimit(.minutes(1))) struct BackgroundCommandTests {
    private let target = BrokerTarget(key: "k")

    private func withClient(
        orgs: [String] = ["acme"],
        configure: (inout BrokerConfiguration) -> Void = { _ in },
        _ body: (InProcessBroker, BrokerConnection) async throws -> Void
    ) async throws {
        try await withBroker(
            orgs: orgs,
            configure: {
                // What runs yet when a test is over is not waited for.
                $0.limits.drainTimeout = .zero
                configure(&$0)
            }
        ) { broker in
            try await withConnection(broker) { try await body(broker, $0) }
        }
    }

    private func withConnection<Value>(
        _ broker: InProcessBroker,
        token: String? = nil,
        _ body: (BrokerConnection) async throws -> Value
    ) async throws -> Value {
        try await BrokerConnection.withConnection(
            to: try BrokerAddress("127.0.0.1:\(broker.port)"),
            token: token ?? broker.token(),
            body
        )
    }

    private func shell(_ line: String, timeout: Duration? = nil) -> ExecRequest {
        ExecRequest(.shellLine(Array(line.utf8)), timeout: timeout)
    }

    /// What a reader got of one stream, from the first offset on; nil for each byte that it was told to be missing.
    private struct Transcript {
        var bytes: [CommandStream: [UInt8?]] = [.standardOutput: [], .standardError: []]
        var end: ExecEnd?
        let from: StreamOffsets

        mutating func add(_ event: BackgroundEvent) {
            switch event {
            case .output(let stream, let offset, let piece):
                #expect(offset == from[stream] + UInt64(bytes[stream]?.count ?? 0))
                bytes[stream]? += piece.readableBytesView.map { $0 }
            case .missing(let stream, let missing):
                #expect(missing.lowerBound == from[stream] + UInt64(bytes[stream]?.count ?? 0))
                bytes[stream]? += missing.map { _ in nil }
            case .ended(let end):
                self.end = end
            }
        }

        func text(_ stream: CommandStream) -> String {
            String(decoding: (bytes[stream] ?? []).map { $0 ?? UInt8(ascii: "?") }, as: UTF8.self)
        }
    }

    private func transcript(
        of command: BackgroundCommand,
        from offsets: StreamOffsets = .beginning
    ) async throws -> Transcript {
        var transcript = Transcript(from: offsets)
        for try await event in try await command.attach(from: offsets) { transcript.add(event) }
        return transcript
    }

    private func code(_ body: () async throws -> Void) async throws -> BackendError.Code? {
        do {
            try await body()
            return nil
        } catch let error as BackendError {
            return error.code
        }
    }

    // MARK: Its life

    @Test func itGoesOnWithoutItsConnectionAndIsReadFromWhereOneWas() async throws {
        try await withClient { broker, other in
            let (id, position) = try await withConnection(broker) { connection in
                let line = "mkfifo go; echo ready; read x < go; echo got $x; echo err >&2; exit 7"
                let command = try await connection.execDetached(shell(line), on: target)
                let output = try await command.attach()
                while let event = try await output.next() {
                    if case .output = event { break }
                }
                return (command.id, output.position)
            }
            #expect(position == StreamOffsets(standardOutput: 6))
            let command = other.backgroundCommand(id, on: target)
            #expect(try await other.backgroundCommands(on: target).map(\.end) == [nil])
            _ = try await other.run(shell("echo hi > go"), on: target).requireSuccess()
            let rest = try await transcript(of: command, from: position)
            #expect(rest.text(.standardOutput) == "got hi\n")
            #expect(rest.text(.standardError) == "err\n")
            #expect(rest.end?.outcome == .exited(code: 7))
            let whole = try await transcript(of: command)
            #expect(whole.text(.standardOutput) == "ready\ngot hi\n")
            #expect(try await command.wait().outcome == .exited(code: 7))
        }
    }

    @Test func aListTellsWhatRunsAndWhatEnded() async throws {
        try await withClient { _, connection in
            let first = try await connection.execDetached(shell("echo abc; exit 1"), on: target)
            #expect(try await first.wait().outcome == .exited(code: 1))
            let second = try await connection.execDetached(shell("sleep 1000"), on: target)
            let infos = try await connection.backgroundCommands(on: target)
            #expect(infos.map(\.id) == [first.id, second.id])
            #expect(infos.map(\.end?.outcome) == [.exited(code: 1), nil])
            #expect(infos.first?.command == Array("echo abc; exit 1".utf8))
            #expect(infos.first?.written == StreamOffsets(standardOutput: 4))
            #expect(infos.first?.isolation == infos.last?.isolation)
            // Its entry is in use as long.
            #expect(try await connection.describe(target).leases == 1)
            try await second.kill()
            _ = try await second.wait()
            #expect(try await connection.describe(target).leases == 0)
        }
    }

    @Test(arguments: [Int32(2), 9, 10, 15])
    func aSignalReachesIt(signal: Int32) async throws {
        try await withClient { _, connection in
            let command = try await connection.execDetached(shell("echo up; sleep 1000"), on: target)
            let output = try await command.attach()
            _ = try await output.next()
            try await command.signal(signal)
            #expect(try await command.wait().outcome.exitCode == 128 + UInt32(signal))
            // Of one that has ended: nothing.
            try await command.signal(signal)
            #expect(try await code { try await connection.backgroundCommand(1, on: target).signal(9) } == .notFound)
        }
    }

    @Test(arguments: [Duration.milliseconds(200), nil])
    func itEndsWhenItsTimeIsUp(timeout: Duration?) async throws {
        try await withClient(configure: {
            $0.exec.grace = .zero
            if timeout == nil { $0.exec.defaultBackgroundTimeout = .milliseconds(200) }
        }) { _, connection in
            let command = try await connection.execDetached(shell("sleep 1000", timeout: timeout), on: target)
            #expect(try await command.wait().outcome == .timedOut(after: .milliseconds(200)))
        }
    }

    /// What is left behind fails the test.
    @Test(arguments: [InProcessBroker.Ending.graceful, .cancellation])
    func itEndsWithTheBroker(ending: InProcessBroker.Ending) async throws {
        try await withBroker(ending: ending, configure: { $0.limits.drainTimeout = .zero }) { broker in
            try await withConnection(broker) { connection in
                let command = try await connection.execDetached(shell("echo x; sleep 1000 & sleep 1000"), on: target)
                _ = try await command.attach().next()
            }
        }
    }

    @Test func itEndsWithItsWorkspace() async throws {
        try await withClient { broker, connection in
            let command = try await connection.execDetached(shell("sleep 1000 & sleep 1000"), on: target)
            let code = try await code { try await connection.deleteWorkspace(key: "k") }
            #expect(code == .conflict)
            #expect(try await connection.deleteWorkspace(key: "k", force: true))
            #expect(processes(beneath: broker.root).isEmpty)
            #expect(try await self.code { _ = try await command.wait() } == .notFound)
            #expect(try await connection.backgroundCommands(on: target).isEmpty)
        }
    }

    @Test func whoWaitsHearsOfTheEndOfTheWorkspace() async throws {
        try await withClient { _, connection in
            let command = try await connection.execDetached(shell("sleep 1000"), on: target)
            let output = try await command.attach()
            #expect(try await connection.deleteWorkspace(key: "k", force: true))
            guard case .ended(let end)? = try await output.next() else {
                Issue.record("no end")
                return
            }
            #expect(end.outcome == .cancelled)
        }
    }

    @Test func withoutAKeyItEndsWithTheLease() async throws {
        try await withClient { broker, connection in
            try await connection.withLease(on: BrokerTarget(key: "")) { fresh in
                let command = try await connection.execDetached(shell("echo x; sleep 1000"), on: fresh)
                let output = try await command.attach()
                _ = try await output.next()
                #expect(try await connection.backgroundCommands(on: fresh).map(\.id) == [command.id])
                #expect(
                    try await code {
                        _ = try await connection.backgroundCommand(command.id, on: target).wait()
                    } == .notFound
                )
                try await connection.release(BrokerLease(target: fresh, id: fresh.lease ?? 0, created: true))
                while try await output.next() != nil {}
            }
            while !processes(beneath: broker.root).isEmpty { await Task.yield() }
        }
    }

    @Test func aLeaseOfTheCallersIsNotNeededForIt() async throws {
        try await withClient { broker, connection in
            let command = try await connection.withLease(on: target) { leased in
                try await connection.execDetached(shell("mkfifo go; read x < go; exit 4"), on: leased)
            }
            #expect(try await connection.describe(target).leases == 1)
            let line = "until [ -p go ]; do :; done; echo > go"
            _ = try await connection.run(shell(line), on: target).requireSuccess()
            let end = try await connection.backgroundCommand(command.id, on: target).wait()
            #expect(end.outcome == .exited(code: 4))
        }
    }

    // MARK: Its output

    @Test func whatIsKeptNoMoreIsTold() async throws {
        try await withClient(configure: { $0.exec.backgroundOutputBytes = 4096 }) { _, connection in
            let line = "seq 1 20000; seq 1 10 >&2"
            let all = (1...20000).map { "\($0)\n" }.joined()
            let command = try await connection.execDetached(shell(line), on: target)
            _ = try await command.wait()
            let transcript = try await transcript(of: command)
            #expect(
                transcript.text(.standardOutput) == String(repeating: "?", count: all.utf8.count - 4096)
                    + all.suffix(4096)
            )
            #expect(transcript.text(.standardError) == (1...10).map { "\($0)\n" }.joined())
            let info = try #require(try await connection.backgroundCommands(on: target).first)
            #expect(info.written.standardOutput == UInt64(all.utf8.count))
            #expect(info.keptFrom.standardOutput == UInt64(all.utf8.count - 4096))
        }
    }

    /// Readers that do not read hold up neither the command nor those that do.
    @Test func readersAreEachByItself() async throws {
        try await withClient { _, connection in
            let line = "mkfifo go; read x < go; head -c 20000000 /dev/zero; echo end"
            let command = try await connection.execDetached(shell(line), on: target)
            let idle = [try await command.attach(), try await command.attach(), try await command.attach()]
            async let following = command.attach()
            let follower = try await following
            let go = "until [ -p go ]; do :; done; echo > go"
            _ = try await connection.run(shell(go), on: target).requireSuccess()
            var (count, tail) = (UInt64(0), ByteBuffer())
            while let event = try await follower.next() {
                switch event {
                case .output(_, let offset, let bytes):
                    #expect(offset == count)
                    count += UInt64(bytes.readableBytes)
                    tail = bytes
                case .missing(_, let missing):
                    #expect(missing.lowerBound == count)
                    count = missing.upperBound
                case .ended: break
                }
            }
            #expect(count == 20_000_004)
            #expect(tail.readableBytesView.suffix(4).elementsEqual("end\n".utf8))
            for reader in idle {
                var end: UInt64 = 0
                while let event = try await reader.next() {
                    if case .missing(_, let missing) = event { end = missing.upperBound }
                    if case .output(_, let offset, let bytes) = event { end = offset + UInt64(bytes.readableBytes) }
                }
                #expect(end == 20_000_004)
            }
        }
    }

    // MARK: Its terminal

    @Test func itMayHaveATerminal() async throws {
        try await withClient { _, connection in
            let line =
                "stty size; echo err >&2; trap 'stty size; exit 3' WINCH; cat; echo up; while :; do sleep 0.01; done"
            var request = shell(line)
            request.terminal = Terminal(TerminalSize(rows: 12, columns: 34), type: "vt100")
            let command = try await connection.execDetached(request, on: target)
            let output = try await command.attach()
            var transcript = Transcript(from: .beginning)
            while !transcript.text(.standardOutput).contains("up\r\n"), let event = try await output.next() {
                transcript.add(event)
            }
            let none = try await code { try await command.resizeTerminal(to: TerminalSize(rows: 0, columns: 1)) }
            #expect(none == .invalidArgument)
            try await command.resizeTerminal(to: TerminalSize(rows: 56, columns: 78))
            while let event = try await output.next() { transcript.add(event) }
            #expect(transcript.text(.standardOutput) == "12 34\r\nerr\r\nup\r\n56 78\r\n")
            #expect(transcript.text(.standardError) == "")
            #expect(transcript.end?.outcome == .exited(code: 3))
            // Of one that has ended: nothing.
            try await command.resizeTerminal(to: TerminalSize(rows: 1, columns: 1))
            let plain = try await connection.execDetached(shell("sleep 1000"), on: target)
            let refused = try await code { try await plain.resizeTerminal(to: TerminalSize(rows: 1, columns: 1)) }
            #expect(refused == .invalidArgument)
            let unknown = connection.backgroundCommand(1, on: target)
            let missing = try await code { try await unknown.resizeTerminal(to: TerminalSize(rows: 1, columns: 1)) }
            #expect(missing == .notFound)
        }
    }

    // MARK: Limits

    @Test func thoseThatEndedLongAgoAreForgotten() async throws {
        try await withClient(configure: { $0.exec.maxEndedBackground = 2 }) { _, connection in
            var ids: [UInt64] = []
            for _ in 0..<4 {
                let command = try await connection.execDetached(shell("echo x"), on: target)
                ids.append(command.id)
                _ = try await command.wait()
            }
            #expect(try await connection.backgroundCommands(on: target).map(\.id) == ids.suffix(2))
            let forgotten = connection.backgroundCommand(ids[1], on: target)
            #expect(try await code { _ = try await forgotten.attach() } == .notFound)
        }
    }

    @Test func outputOfTheOldestGoesFirst() async throws {
        try await withClient(configure: { $0.exec.maxEndedBackgroundBytesPerOrg = 1000 }) { _, connection in
            let line = "head -c 600 /dev/zero | tr '\\0' x"
            let first = try await connection.execDetached(shell(line), on: target)
            _ = try await first.wait()
            #expect(try await transcript(of: first).text(.standardOutput) == String(repeating: "x", count: 600))
            let second = try await connection.execDetached(shell(line), on: BrokerTarget(key: "other"))
            _ = try await second.wait()
            let dropped = try await transcript(of: first)
            #expect(dropped.text(.standardOutput) == String(repeating: "?", count: 600))
            #expect(dropped.end?.outcome == .exited(code: 0))
        }
    }

    @Test func thereAreNoMoreReadersThanMayBe() async throws {
        try await withClient(configure: { $0.exec.maxBackgroundReaders = 2 }) { _, connection in
            let command = try await connection.execDetached(shell("sleep 1000"), on: target)
            let readers = [try await command.attach(), try await command.attach()]
            #expect(try await code { _ = try await command.wait() } == .resourceExhausted)
            for reader in readers { await reader.close() }
            _ = try await command.attach()
        }
    }

    @Test func itCountsAmongTheCommandsOfItsOrg() async throws {
        try await withClient(configure: { $0.exec.maxRunningPerOrg = 1 }) { _, connection in
            let command = try await connection.execDetached(shell("sleep 1000"), on: target)
            let soon = BrokerCallOptions(queueDeadline: .milliseconds(1))
            #expect(
                try await code {
                    _ = try await connection.run(shell("true"), on: target, call: soon)
                } == .resourceExhausted
            )
            try await command.kill()
            _ = try await command.wait()
            _ = try await connection.run(shell("true"), on: target).requireSuccess()
        }
    }

    // MARK: Whose it is

    @Test func othersDoNotFindIt() async throws {
        try await withClient(orgs: ["acme", "other"]) { broker, connection in
            let scoped = BrokerTarget(key: "k", scope: try WorkspacePath("a"))
            let command = try await connection.execDetached(shell("echo secret"), on: scoped)
            _ = try await command.wait()
            for place in [
                target, scoped, BrokerTarget(key: "k", scope: try WorkspacePath("a/b")), BrokerTarget(key: "l"),
            ] {
                let found = try await code { _ = try await connection.backgroundCommand(command.id, on: place).wait() }
                let isListed = try await !connection.backgroundCommands(on: place).isEmpty
                let isWithin = place == target || place == scoped
                #expect(found == (isWithin ? nil : .notFound) && isListed == isWithin, "\(place)")
            }
            try await withConnection(broker, token: broker.token(of: "other")) { stranger in
                let found = try await code {
                    _ = try await stranger.backgroundCommand(command.id, on: target).attach()
                }
                let listed = try await stranger.backgroundCommands(on: target)
                #expect(found == .notFound && listed.isEmpty)
            }
        }
    }

    @Test func aReadOnlyTokenReachesNone() async throws {
        let token = Token.generate()
        var record = TokenRecord(id: token.id, name: "reader", hash: token.hash)
        record.isReadOnly = true
        try await withClient(configure: { $0.orgs[0].tokens.append(record) }) { broker, connection in
            let command = try await connection.execDetached(shell("sleep 1000"), on: target)
            try await withConnection(broker, token: token.text) { reader in
                let known = reader.backgroundCommand(command.id, on: target)
                let codes = [
                    try await code { _ = try await reader.execDetached(shell("true"), on: target) },
                    try await code { _ = try await reader.backgroundCommands(on: target) },
                    try await code { _ = try await known.attach() },
                    try await code { _ = try await known.wait() },
                    try await code { try await known.kill() },
                ]
                #expect(codes == Array(repeating: .permissionDenied, count: 5))
            }
        }
    }

    @Test func whatExecRefusesIsRefusedHereToo() async throws {
        try await withClient { _, connection in
            let empty = try await code { _ = try await connection.execDetached(shell(" "), on: target) }
            let dangerous = try await code { _ = try await connection.execDetached(shell("rm -rf /"), on: target) }
            #expect([empty, dangerous] == [.emptyCommand, .dangerousOperation])
            #expect(try await connection.backgroundCommands(on: target).isEmpty)
            #expect(try await connection.describe(target).leases == 0)
        }
    }

    @Test func aProgramThatCannotBeRunHasAnEndThatSaysSo() async throws {
        try await withClient { _, connection in
            let request = ExecRequest(.arguments([Array("/nowhere/program".utf8)]))
            do {
                let end = try await connection.execDetached(request, on: target).wait()
                guard case .spawnFailed = end.outcome else {
                    Issue.record("\(end)")
                    return
                }
            } catch let error as BackendError where error.code == .execError {
                // Told at once.
            }
        }
    }

    @Test func aRemoteBackendRunsCommandsInTheBackground() async throws {
        try await withBroker { broker in
            let configuration = RemoteFilesystemBackend.Configuration(
                address: try BrokerAddress("127.0.0.1:\(broker.port)"),
                token: broker.token(),
                target: target
            )
            let id = try await RemoteFilesystemBackend.withBackend(configuration) { backend in
                try await backend.execDetached("echo hello; exit 2").id
            }
            try await RemoteFilesystemBackend.withBackend(configuration) { backend in
                let end = try await backend.backgroundCommand(id).wait()
                let ids = try await backend.backgroundCommands().map(\.id)
                #expect(end.outcome == .exited(code: 2) && ids == [id])
            }
        }
    }
}
