import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(1))) struct OperationTests {
    typealias Scripted = ScriptedConnection

    // MARK: Files

    @Test func aReaderGivesBytesInPiecesOfAnySize() async throws {
        let scripted = try await Scripted()
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(
            .part(id, .read(.file(size: 9)), ByteBuffer(string: "abc"), last: false),
            .part(id, nil, ByteBuffer(), last: false),
            .part(id, nil, ByteBuffer(string: "defghi"))
        )
        let reader = try await opening
        var pieces: [String] = []
        while let piece = try await reader.read(upTo: 2) { pieces.append(String(buffer: piece)) }
        #expect(pieces == ["ab", "c", "de", "fg", "hi"])
        #expect(try await reader.read(upTo: 2) == nil)
    }

    @Test func aReaderIsASequenceOfItsPieces() async throws {
        let scripted = try await Scripted()
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(
            .part(id, .read(.file(size: 6)), ByteBuffer(string: "abc"), last: false),
            .part(id, nil, ByteBuffer(string: "def"))
        )
        var text = ""
        for try await piece in try await opening { text += String(buffer: piece) }
        #expect(text == "abcdef")
    }

    @Test func aFileTooLargeForMemoryIsNotRead() async throws {
        let scripted = try await Scripted()
        async let reading = failure { try await scripted.connection.read(.root, maximum: 5, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .read(.file(size: 6)), ByteBuffer(string: "abc"), last: false))
        #expect(try await scripted.broker.receive().cancelled == id)
        try await scripted.broker.send(.failure(id, .cancelledByCaller))
        let error = await reading
        #expect(error?.code == .readFailed)
        #expect(error?.reason == .tooLarge)
    }

    @Test func aFileThatGrewMeanwhileIsNotReadEither() async throws {
        let scripted = try await Scripted()
        async let reading = failure { try await scripted.connection.read(.root, maximum: 5, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(
            .part(id, .read(.file(size: 3)), ByteBuffer(string: "abc"), last: false),
            .part(id, nil, ByteBuffer(string: "def"))
        )
        #expect(await reading?.reason == .tooLarge)
    }

    @Test func aRangeOfNothingIsRefused() async throws {
        let scripted = try await Scripted()
        let range = ReadRange(offset: 1, length: 0)
        let error = await failure { try await scripted.connection.read(.root, range: range, on: Scripted.target) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func anEmptyWriteIsAWrite() async throws {
        let scripted = try await Scripted()
        async let writing = scripted.connection.write(
            .root,
            ByteBuffer(),
            options: WriteOptions(mode: .append),
            on: Scripted.target
        )
        let frame = try await scripted.broker.receiveCall()
        #expect(frame.last)
        #expect(frame.options.special?.requires == [Feature.writeModes.rawValue])
        try await scripted.broker.send(.part(frame.id, .write(.file(size: 0))))
        _ = try await writing
    }

    @Test func aSequenceIsWrittenToItsEnd() async throws {
        let scripted = try await Scripted()
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        for text in ["ab", "", "cd"] { source.yield(ByteBuffer(string: text)) }
        source.finish()
        async let writing = scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        var text = ""
        while true {
            let frame = try await scripted.broker.receiveCall()
            text += String(buffer: frame.payload)
            if frame.last { break }
        }
        #expect(text == "abcd")
        try await scripted.broker.send(.part(1, .write(.file(size: 4))))
        _ = try await writing
    }

    @Test func aRefusalEndsAWriteWhoseNextPieceIsNotThereYet() async throws {
        let scripted = try await Scripted()
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        async let writing = failure {
            try await scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        }
        let id = try await scripted.broker.receiveCall().id
        let refusal = BackendError(.writeFailed, reason: .isDirectory, message: "a directory")
        try await scripted.broker.send(.failure(id, refusal))
        let error = await writing
        #expect(error?.code == .writeFailed)
        #expect(error?.reason == .isDirectory)
        source.finish()
    }

    @Test func entriesAreReadAPageAtATime() async throws {
        let scripted = try await Scripted()
        async let listing = {
            var names: [String] = []
            for try await entry in scripted.connection.entries(of: .root, on: Scripted.target) {
                names.append(String(decoding: entry.name, as: UTF8.self))
            }
            return names
        }()
        var asked: [String] = []
        for (id, page) in [(UInt64(1), ["a", "b"]), (2, ["c"]), (3, [])] {
            guard case .readdir(let readdir) = try await scripted.broker.receiveCall().operation else { break }
            asked.append(String(decoding: readdir.options.after, as: UTF8.self))
            let entries = page.map { DirectoryEntry(name: Array($0.utf8)) }
            try await scripted.broker.send(.part(id, .readdir(DirectoryPage(entries: entries, isTruncated: id < 3))))
        }
        #expect(asked == ["", "b", "c"])
        let listingAnswer = try await listing
        #expect(listingAnswer == ["a", "b", "c"])
    }

    @Test func aPageThatSaysNothingAndPromisesMoreIsAFault() async throws {
        let scripted = try await Scripted()
        async let listing = failure {
            for try await _ in scripted.connection.entries(of: .root, on: Scripted.target) {}
        }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .readdir(DirectoryPage(entries: [], isTruncated: true))))
        #expect(await listing?.code == .protocolError)
    }

    // MARK: Leases

    @Test func aLeaseIsUsedAndGivenBackAlsoWhenTheBodyThrows() async throws {
        let scripted = try await Scripted()
        async let using = failure {
            try await scripted.connection.withLease(on: Scripted.target) { target in
                #expect(target.lease == 42)
                #expect(target.key == "k")
                throw BackendError(.conflict, message: "of the body")
            }
        }
        let acquire = try await scripted.broker.receiveCall()
        try await scripted.broker.send(.part(acquire.id, .acquire(AcquireReply(lease: 42, created: true))))
        let frame = try await scripted.broker.receiveCall()
        guard case .release(let release) = frame.operation else {
            Issue.record("\(frame.body)")
            return
        }
        #expect(release.lease == 42)
        try await scripted.broker.send(.part(frame.id, .release(released: true)))
        #expect(await using?.code == .conflict)
    }

    @Test func aTaskThatIsCancelledGivesItsLeaseBack() async throws {
        let scripted = try await Scripted()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await scripted.connection.withLease(on: Scripted.target) { target in
                    _ = try await scripted.connection.stat(.root, on: target)
                }
            }
            try await scripted.broker.send(
                .part(try await scripted.broker.receiveCall().id, .acquire(AcquireReply(lease: 42, created: true)))
            )
            let stat = try await scripted.broker.receiveCall().id
            group.cancelAll()
            #expect(try await scripted.broker.receive().cancelled == stat)
            try await scripted.broker.send(.failure(stat, .cancelledByCaller))
            let frame = try await scripted.broker.receiveCall()
            guard case .release = frame.operation else {
                Issue.record("\(frame.body)")
                return
            }
            await scripted.settle()
            #expect(
                await scripted.onLoop { $0.calls[frame.id]?.isCancelled } == false,
                "nothing takes the release back"
            )
            try await scripted.broker.send(.part(frame.id, .release(released: true)))
            let result = await group.nextResult()
            #expect(throws: BackendError.self) { try result?.get() }
        }
    }

    // MARK: Commands

    private static let end = ExecEndReply(
        end: ExecEnd(
            outcome: .exited(code: 0),
            usage: ExecEnd.Usage(wall: .milliseconds(5), user: .zero, system: .zero, maximumResidentBytes: 9)
        )
    )

    private static func ended(_ outcome: ExecEnd.Outcome) -> Reply {
        var reply = end
        reply.end.outcome = outcome
        return .execEnd(reply)
    }

    @Test func aCommandsEventsComeInOrder() async throws {
        let scripted = try await Scripted()
        let session = try scripted.connection.exec(ExecRequest(.shellLine(Array("x".utf8))), on: Scripted.target)
        let frame = try await scripted.broker.receiveCall()
        #expect(frame.last, "nothing follows without standard input")
        let id = frame.id
        try await scripted.broker.send(
            .part(id, .execStarted(ExecStarted(isolation: "bwrap")), last: false),
            .part(id, .execOutput(ExecOutput(stream: .standardOutput)), ByteBuffer(string: "out"), last: false),
            .part(id, .execOutput(ExecOutput(stream: .standardError)), ByteBuffer(string: "err"), last: false),
            .part(id, .execEnd(Self.end))
        )
        var events: [String] = []
        for try await event in session {
            switch event {
            case .started(let isolation): events.append("started \(isolation)")
            case .standardOutput(let bytes): events.append("stdout \(String(buffer: bytes))")
            case .standardError(let bytes): events.append("stderr \(String(buffer: bytes))")
            case .ended(let end): events.append("ended \(end.outcome == .exited(code: 0))")
            }
        }
        #expect(events == ["started bwrap", "stdout out", "stderr err", "ended true"])
        #expect(try await session.next() == nil)
    }

    @Test func whatACommandIsFedArrivesWhileItsOutputIsRead() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 4))
        var request = ExecRequest(.arguments([Array("cat".utf8)]))
        request.opensStandardInput = true
        let session = try scripted.connection.exec(request, on: Scripted.target)
        #expect(try await !scripted.broker.receiveCall().last)
        async let feeding: Void = {
            try await session.writeInput(ByteBuffer(string: "abcdef"))
            session.closeInput()
            session.closeInput()
        }()
        #expect(try await scripted.broker.receiveCall().payload == ByteBuffer(string: "abcd"))
        try await scripted.broker.send(.window(1, 4))
        #expect(try await scripted.broker.receiveCall().payload == ByteBuffer(string: "ef"))
        #expect(try await scripted.broker.receiveCall().last)
        try await feeding
        try await scripted.broker.send(.part(1, .execEnd(Self.end)))
        _ = try await session.next()
        try await session.writeInput(ByteBuffer(string: "too late is no error"))
    }

    @Test func aWriterThatIsCancelledLetsTheCommandGoOn() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 4))
        var request = ExecRequest(.arguments([Array("cat".utf8)]))
        request.opensStandardInput = true
        let session = try scripted.connection.exec(request, on: Scripted.target)
        _ = try await scripted.broker.receiveCall()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await session.writeInput(ByteBuffer(string: "abcdef")) } }
            _ = try? await scripted.broker.receiveCall()
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        try await scripted.broker.send(.part(1, .execEnd(Self.end)))
        guard case .ended = try await session.next() else {
            Issue.record("the command was ended")
            return
        }
    }

    @Test func aWriterInATaskThatIsCancelledAlreadyDoesNotWait() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 4))
        var request = ExecRequest(.arguments([Array("cat".utf8)]))
        request.opensStandardInput = true
        let session = try scripted.connection.exec(request, on: Scripted.target)
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.cancelAll()
            group.addTask { await failure { try await session.writeInput(ByteBuffer(string: "abcdef")) } }
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        try await scripted.broker.send(.part(1, .execEnd(Self.end)))
        _ = try await session.next()
    }

    @Test func aResultIsAllThatWasWritten() async throws {
        let scripted = try await Scripted()
        async let running = scripted.connection.run(
            ExecRequest(.shellLine(Array("x".utf8)), timeout: .seconds(1)),
            input: ByteBuffer(string: "in"),
            on: Scripted.target
        )
        let frame = try await scripted.broker.receiveCall()
        #expect(frame.options.special?.requires == [Feature.processDeadline.rawValue])
        var input = String(buffer: frame.payload)
        if !frame.last { input += String(buffer: try await scripted.broker.receiveCall().payload) }
        #expect(input == "in")
        try await scripted.broker.send(
            .part(1, .execStarted(ExecStarted(isolation: "none")), last: false),
            .part(1, .execOutput(ExecOutput(stream: .standardOutput)), ByteBuffer(string: "o1"), last: false),
            .part(1, .execOutput(ExecOutput(stream: .standardOutput)), ByteBuffer(string: "o2"), last: false),
            .part(1, .execEnd(Self.end))
        )
        let result = try await running
        #expect(result.standardOutput == ByteBuffer(string: "o1o2"))
        #expect(result.isolation == "none")
        #expect(result.end == Self.end.end)
    }

    @Test(arguments: [ExecEnd.Outcome.exited(code: 3), .timedOut(after: .seconds(1)), .cancelled])
    func aCommandThatFailsIsAnErrorWithItsResult(outcome: ExecEnd.Outcome) async throws {
        let scripted = try await Scripted()
        async let running = failure {
            try await scripted.connection.run(ExecRequest(.shellLine(Array("x".utf8))), on: Scripted.target)
                .requireSuccess()
        }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(
            .part(
                id,
                .execOutput(ExecOutput(stream: .standardError)),
                ByteBuffer(string: "1\nit broke\n"),
                last: false
            ),
            .part(id, Self.ended(outcome))
        )
        let error = await running
        #expect(error?.code == .execFailed)
        #expect(error?.message.contains("it broke") == true)
        let result = (error?.cause as? CommandFailure)?.result
        #expect(result?.end.outcome == outcome)
        #expect(result?.standardError == ByteBuffer(string: "1\nit broke\n"))
    }

    @Test func ofACommandThatWritesTooMuchTheBeginningAndTheEndAreKept() async throws {
        let scripted = try await Scripted()
        async let running = scripted.connection.run(
            ExecRequest(.shellLine(Array("x".utf8))),
            maximumOutputLength: 4,
            on: Scripted.target
        )
        let id = try await scripted.broker.receiveCall().id
        for piece in ["a", "bcde", "fgh", "i"] {
            try await scripted.broker.send(
                .part(id, .execOutput(ExecOutput(stream: .standardOutput)), ByteBuffer(string: piece), last: false)
            )
        }
        try await scripted.broker.send(.part(id, .execEnd(Self.end)))
        let result = try await running
        #expect(result.standardOutput == ByteBuffer(string: "ab\n[5 of 9 bytes left out]\nhi"))
        #expect(result.standardOutputCount == 9)
    }

    @Test func aSessionThatIsLeftIsCancelledAndAwaited() async throws {
        let scripted = try await Scripted()
        async let leaving = scripted.connection.withExec(
            ExecRequest(.shellLine(Array("x".utf8))),
            on: Scripted.target
        ) { _ in 7 }
        var frames = [try await scripted.broker.receive(), try await scripted.broker.receive()]
        #expect(frames.removeLast().cancelled == 1)
        try await scripted.broker.send(.failure(1, .cancelledByCaller))
        let leavingAnswer = try await leaving
        #expect(leavingAnswer == 7)
    }

    @Test func anEventThatDoesNotBelongThereIsAFault() async throws {
        let scripted = try await Scripted()
        let session = try scripted.connection.exec(ExecRequest(.shellLine(Array("x".utf8))), on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        // The end has to be the last frame.
        try await scripted.broker.send(.part(id, .execEnd(Self.end), last: false))
        async let next = failure { try await session.next() }
        #expect(try await scripted.broker.receive().cancelled == id)
        try await scripted.broker.send(.failure(id, .cancelledByCaller))
        #expect(await next?.code == .protocolError)
    }

    @Test func twoReadersOfOneCommandAreOneTooMany() async throws {
        let scripted = try await Scripted()
        let session = try scripted.connection.exec(ExecRequest(.shellLine(Array("x".utf8))), on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        let codes = await withTaskGroup(of: BackendError.Code?.self) { group in
            for _ in 1...2 { group.addTask { await failure { try await session.next() }?.code } }
            var codes = [await group.next() ?? nil]
            try? await scripted.broker.send(.part(id, .execEnd(Self.end)))
            codes.append(await group.next() ?? nil)
            return codes
        }
        #expect(codes == [.invalidArgument, nil])
    }
}
