import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// How a broker ends, and what the next one finds.
    @Suite
    struct ShutdownTests {
        private static let key = BrokerTarget(key: "a")

        /// What is bounded by its caller is waited for. Without a configuration to read again a hangup ends a broker, too.
        @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGINT, SIGHUP])
        func whatEndsByItselfIsFinished(signal: Int32) async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root", "--unix", "\(directory)/socket"]
                let broker = try await BrokerProcess(arguments)
                try await connected(to: broker) { connection in
                    let request = ExecRequest(.shellLine(Array("echo here; cat".utf8)), opensStandardInput: true)
                    let session = try connection.exec(request, on: Self.key)
                    try await untilOutput(of: session)
                    let (contents, writer) = AsyncStream.makeStream(of: ByteBuffer.self)
                    writer.yield(ByteBuffer(string: "first "))
                    let before = try await connection.stats().callsInFlight
                    async let written = connection.write(WorkspacePath("file"), contents: contents, on: Self.key)
                    while try await connection.stats().callsInFlight == before { await Task.yield() }

                    broker.process.send(signal)
                    await untilRefused(connection)
                    writer.yield(ByteBuffer(string: "second"))
                    writer.finish()
                    let size = try await written.size
                    #expect(size == 12)
                    try await session.writeInput(ByteBuffer(string: "last words"))
                    session.closeInput()
                    let result = try await rest(of: session)
                    #expect(String(buffer: result.output) == "last words")
                    #expect(result.end == .exited(code: 0))
                }
                #expect(try await broker.process.exit().status == 0)
                try await checkNothingIsLeft(of: broker, arguments)
                #expect(FileManager.default.contents(atPath: "\(directory)/root/v1/orgs/default/a/file")?.count == 12)
            }
        }

        /// What is not is ended when the time is up.
        @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGINT])
        func whatDoesNotEndIsEnded(signal: Int32) async throws {
            try await withScratchDirectory { directory in
                let limits = "limits: { drain_timeout: 300ms }\nexec: { grace: 100ms }\n"
                let orgs = try await OrgFile(orgs: ["acme"], in: directory, preamble: limits)
                let arguments = [
                    "--root", "\(directory)/root", "--unix", "\(directory)/socket", "--config", orgs.path,
                ]
                let broker = try await BrokerProcess(arguments)
                let word = "marked-\(UUID().uuidString)"
                try await connected(to: broker, token: orgs.tokens["acme"]) { connection in
                    let line = Array("trap '' TERM; \(HostProcesses.staying(word))".utf8)
                    let session = try connection.exec(ExecRequest(.shellLine(line)), on: Self.key)
                    try await untilOutput(of: session)
                    #expect(!HostProcesses.marked(word).isEmpty)
                    let (contents, writer) = AsyncStream.makeStream(of: ByteBuffer.self)
                    writer.yield(ByteBuffer(string: "never finished"))
                    let before = try await connection.stats().callsInFlight
                    async let written = connection.write(WorkspacePath("file"), contents: contents, on: Self.key)
                    while try await connection.stats().callsInFlight == before { await Task.yield() }

                    broker.process.send(signal)
                    let end = try? await rest(of: session).end
                    #expect(end != .exited(code: 0))
                    writer.finish()
                    let info = try? await written
                    #expect(info == nil)
                }
                #expect(try await broker.process.exit().status == 0)
                #expect(HostProcesses.marked(word).isEmpty)
                try await checkNothingIsLeft(of: broker, arguments, token: orgs.tokens["acme"])
                #expect(!FileManager.default.fileExists(atPath: "\(directory)/root/v1/orgs/acme/a/file"))
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGINT])
        func aBrokerThatIsReadyHeedsSignals(signal: Int32) async throws {
            try await withScratchDirectory { directory in
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--unix", "\(directory)/socket"])
                #expect(try await broker.stop(signal).status == 0)
                #expect(!FileManager.default.fileExists(atPath: broker.ready.unix))
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func commandsDieWithABrokerThatIsKilled() async throws {
            try await withScratchDirectory { directory in
                let arguments = ["--root", "\(directory)/root", "--unix", "\(directory)/socket"]
                let broker = try await BrokerProcess(arguments)
                let word = "marked-\(UUID().uuidString)"
                try await connected(to: broker) { connection in
                    let line = Array(HostProcesses.staying(word).utf8)
                    let session = try connection.exec(ExecRequest(.shellLine(line)), on: Self.key)
                    try await untilOutput(of: session)
                    #expect(!HostProcesses.marked(word).isEmpty)
                    #expect(try await broker.stop(SIGKILL).status == 128 + SIGKILL)
                    await #expect(throws: BackendError.self) { try await rest(of: session) }
                }
                await HostProcesses.untilGone(word)
                let temporary = "\(directory)/root/v1/orgs/default/.tmp"
                try FileManager.default.createDirectory(
                    atPath: "\(temporary)/deep/er",
                    withIntermediateDirectories: true
                )
                try Data("left behind".utf8).write(to: URL(fileURLWithPath: "\(temporary)/deep/er/file"))
                try await withBrokerProcess(arguments) { next in
                    let left = try FileManager.default.contentsOfDirectory(atPath: temporary)
                    #expect(left.isEmpty)
                    try await connected(to: next) { _ in }
                }
            }
        }
    }
}

// MARK: Steps

extension IntegrationTests.ShutdownTests {
    private func connected(
        to broker: BrokerProcess,
        token: String? = nil,
        _ body: (BrokerConnection) async throws -> Void
    ) async throws {
        do {
            try await BrokerConnection.withConnection(
                to: BrokerAddress(broker.ready.wire),
                token: try #require(token ?? broker.ready.token),
                body
            )
        } catch {
            _ = try? await broker.stop(SIGKILL)
            throw error
        }
    }

    private func untilOutput(of session: CommandSession) async throws {
        while let event = try await session.next() {
            if case .standardOutput = event { return }
        }
        Issue.record("the command ended without output")
    }

    /// The broker has begun to end: it starts no more calls.
    private func untilRefused(_ connection: BrokerConnection) async {
        do {
            while true { _ = try await connection.stats() }
        } catch {
            #expect(error.code == .shuttingDown)
        }
    }

    @discardableResult
    private func rest(of session: CommandSession) async throws -> (output: ByteBuffer, end: ExecEnd.Outcome?) {
        var output = ByteBuffer()
        var end: ExecEnd.Outcome?
        while let event = try await session.next() {
            switch event {
            case .started, .standardError: break
            case .standardOutput(let bytes): output.writeImmutableBuffer(bytes)
            case .ended(let ended): end = ended.outcome
            }
        }
        return (output, end)
    }

    /// Nothing that a next broker would stumble over: it starts at once.
    private func checkNothingIsLeft(of broker: BrokerProcess, _ arguments: [String], token: String? = nil) async throws
    {
        #expect(!FileManager.default.fileExists(atPath: broker.ready.unix))
        #expect(broker.holdings.temporaryFiles == 0)
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        #expect(!mounts.contains(broker.ready.root))
        try await withBrokerProcess(arguments) { next in
            try await connected(to: next, token: token) { _ in }
        }
    }
}
