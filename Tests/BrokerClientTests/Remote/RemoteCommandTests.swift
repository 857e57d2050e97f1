import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

/// A command of a remote backend, whose two streams come as one.
@Suite(.timeLimit(.minutes(1))) struct RemoteCommandTests {
    private static let stopped = BackendError(.cancelled, message: "stopped")
    private static let end = ExecEnd(outcome: .exited(code: 3), usage: ExecEnd.Usage(wall: .seconds(1)))

    /// A command that has started, as call 1.
    private struct Started {
        let scripted: ScriptedBackend
        let broker: ScriptedBroker
        let command: any CommandExecution
        let frame: ClientFrame

        init(window: UInt32 = 1000, opensInput: Bool = false) async throws {
            let limits = SessionLimits(streamWindow: window, connectionWindow: 10_000, keepaliveInterval: .zero)
            let scripted = try ScriptedBackend()
            broker = try await scripted.connect(limits)
            var request = ExecRequest(.shellLine(Array("make".utf8)))
            request.opensStandardInput = opensInput
            async let starting = scripted.backend.start(request)
            frame = try await broker.peer.receiveCall()
            try await broker.peer.send(.part(1, .execStarted(ExecStarted(isolation: "bwrap")), last: false))
            command = try await starting
            self.scripted = scripted
        }

        func write(_ stream: CommandStream, _ text: String) async throws {
            let output = Reply.execOutput(ExecOutput(stream: stream))
            try await broker.peer.send(.part(1, output, ByteBuffer(string: text), last: false))
        }

        func end() async throws {
            let reply = ExecEndReply(end: RemoteCommandTests.end)
            try await broker.peer.send(.part(1, .execEnd(reply)))
        }

        func read(_ stream: CommandStream, upTo count: Int = 100) async throws -> String? {
            try await command.readOutput(stream, upTo: count).map { String(buffer: $0) }
        }
    }

    @Test func eachStreamIsReadByItself() async throws {
        let started = try await Started()
        #expect(started.command.isolation == "bwrap")
        try await started.write(.standardError, "e1")
        try await started.write(.standardOutput, "o1")
        try await started.write(.standardError, "e2")
        try await started.end()
        #expect(try await started.read(.standardOutput) == "o1")
        #expect(try await started.read(.standardOutput) == nil)
        #expect(await started.command.waitForEnd() == Self.end)
        // Small pieces are gathered, and taken as they are asked for.
        #expect(try await started.read(.standardError, upTo: 3) == "e1e")
        #expect(try await started.read(.standardError, upTo: 3) == "2")
        #expect(try await started.read(.standardError) == nil)
    }

    @Test func readersOfBothStreamsWaitAtTheSameTime() async throws {
        let started = try await Started()
        async let output = started.read(.standardOutput)
        async let error = started.read(.standardError)
        async let end = started.command.waitForEnd()
        try await started.write(.standardError, "e")
        #expect(try await error == "e")
        try await started.write(.standardOutput, "o")
        #expect(try await output == "o")
        try await started.end()
        #expect(await end == Self.end)
    }

    /// The broker gets no credit for what nobody reads, so it cannot send without end.
    @Test func whatNobodyReadsDrawsTheWindow() async throws {
        let started = try await Started(window: 100)
        try await started.write(.standardError, String(repeating: "e", count: 60))
        try await started.write(.standardOutput, String(repeating: "o", count: 40))
        #expect(try await started.read(.standardOutput) == String(repeating: "o", count: 40))
        // 40 bytes are less than half of the window: it would not say so yet. The next 60 are.
        #expect(try await started.read(.standardError) == String(repeating: "e", count: 60))
        var credit: UInt64 = 0
        while credit == 0 {
            guard let window = try await started.broker.peer.receive().window, window.stream == 1 else { continue }
            credit = window.bytes
        }
        #expect(credit == 100)
    }

    @Test func aBrokerThatSendsMoreThanTheWindowIsAtFault() async throws {
        let started = try await Started(window: 100)
        try await started.write(.standardError, String(repeating: "e", count: 60))
        try await started.write(.standardOutput, String(repeating: "o", count: 41))
        #expect(await failure { try await started.read(.standardOutput) }?.code == .protocolError)
    }

    @Test func bytesThatAreNeverReadAreGivenBackInTheEnd() async throws {
        var started: Started? = try await Started(window: 8000)
        let broker = try #require(started?.broker)
        let keptOpen = started?.scripted
        try await started?.write(.standardError, String(repeating: "e", count: 6000))
        try await started?.end()
        _ = await started?.command.waitForEnd()
        started = nil
        var credit: UInt64 = 0
        while credit == 0 {
            guard let window = try await broker.peer.receive().window, window.stream == 0 else { continue }
            credit = window.bytes
        }
        #expect(credit == 6000)
        _ = keptOpen
    }

    @Test func inputIsSentAndEnded() async throws {
        let started = try await Started(opensInput: true)
        #expect(!started.frame.last)
        try await started.command.writeInput(ByteBuffer(string: "in"))
        started.command.closeInput()
        let frame = try await started.broker.peer.receiveCall()
        #expect(frame.payload == ByteBuffer(string: "in"))
        #expect(try await started.broker.peer.receiveCall().last)
        try await started.end()
        // For a command that has ended it is dropped.
        _ = await started.command.waitForEnd()
        try await started.command.writeInput(ByteBuffer(string: "late"))
    }

    @Test func aCommandThatIsTerminatedEndsSo() async throws {
        let started = try await Started()
        async let output = started.read(.standardOutput)
        async let end = started.command.waitForEnd()
        started.command.terminate()
        started.command.terminate()
        while try await started.broker.peer.receive().cancelled == nil {}
        try await started.broker.peer.send(.failure(1, Self.stopped))
        #expect(await end.outcome == .cancelled)
        #expect(try await output == nil)
    }

    @Test func aLostConnectionEndsEveryWait() async throws {
        let started = try await Started()
        try await started.write(.standardError, "unread")
        async let output = failure { try await started.read(.standardOutput) }
        async let end = started.command.waitForEnd()
        try await started.broker.lose()
        let error = await output
        #expect(error?.code == .connectionClosed)
        #expect(error?.maybeExecuted == true)
        #expect(await end.outcome == .cancelled)
        #expect(try await started.read(.standardError) == "unread")
        #expect(await failure { try await started.read(.standardError) }?.code == .connectionClosed)
    }

    @Test func aProgramThatCannotBeRunIsToldToItsReaders() async throws {
        let started = try await Started()
        try await started.broker.peer.send(.failure(1, BackendError(.execError, message: "no such program")))
        for stream in CommandStream.allCases {
            #expect(await failure { try await started.read(stream) }?.code == .execError)
        }
    }

    @Test func aReaderThatIsCancelledLeavesTheCommandAlone() async throws {
        let started = try await Started()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await started.read(.standardOutput) } }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        try await started.write(.standardOutput, "o")
        #expect(try await started.read(.standardOutput) == "o")
    }

    @Test func aCommandThatIsLetGoIsEnded() async throws {
        var started: Started? = try await Started()
        let broker = try #require(started?.broker)
        let keptOpen = started?.scripted
        started = nil
        while try await broker.peer.receive().cancelled != 1 {}
        _ = keptOpen
    }

    @Test func anAnswerThatMakesNoSenseEndsTheCommand() async throws {
        let started = try await Started()
        try await started.broker.peer.send(.part(1, .exists(true), last: false))
        #expect(await failure { try await started.read(.standardOutput) }?.code == .protocolError)
        while try await started.broker.peer.receive().cancelled != 1 {}
    }

    @Test func whatKeepsItFromStartingIsThrown() async throws {
        let scripted = try ScriptedBackend()
        let broker = try await scripted.connect()
        async let starting = failure { try await scripted.backend.start(ExecRequest(.shellLine([]))) }
        let id = try await broker.peer.receiveCall().id
        try await broker.peer.send(.failure(id, BackendError(.emptyCommand, message: "nothing to run")))
        #expect(await starting?.code == .emptyCommand)
    }

    @Test func aResultIsCollectedFromBothStreams() async throws {
        let scripted = try ScriptedBackend { $0.maximumOutputLength = 4 }
        let broker = try await scripted.connect()
        async let running = scripted.backend.scope("s").run(ExecRequest(.shellLine(Array("make".utf8))))
        let id = try await broker.peer.receiveCall().id
        try await broker.peer.send(.part(id, .execStarted(ExecStarted(isolation: "bwrap")), last: false))
        for (stream, text) in [(CommandStream.standardOutput, "abcdef"), (.standardError, "err")] {
            let output = Reply.execOutput(ExecOutput(stream: stream))
            try await broker.peer.send(.part(id, output, ByteBuffer(string: text), last: false))
        }
        let reply = ExecEndReply(end: Self.end)
        try await broker.peer.send(.part(id, .execEnd(reply)))
        let result = try await running
        #expect(result.exitCode == 3)
        #expect(result.standardOutputCount == 6)
        #expect(String(buffer: result.standardOutput).hasPrefix("ab\n["), "the backend's limit, through its scope")
        #expect(String(buffer: result.standardError) == "err")
    }
}
