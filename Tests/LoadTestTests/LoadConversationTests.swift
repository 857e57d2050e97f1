import NIOCore
import Testing

@testable import loadtest

@Suite struct LoadConversationTests {
    /// A conversation and the frames that it has sent.
    private struct Peer {
        var conversation: LoadConversation
        var tally = LoadTally()

        init(
            _ operation: LoadOperation = .echo,
            depth: Int,
            payload: Int = 20,
            command: LoadCommand = LoadCommand("true"),
            limits: SessionLimits
        ) throws {
            let subject = CallTemplate.Subject(backend: .memory, key: "k", command: command)
            let template = CallTemplate(operation, on: subject, length: payload)
            conversation = try LoadConversation(connection: 9, depth: depth, templates: [template], limits: limits)
        }

        mutating func start(at now: UInt64 = 0) throws -> [SentFrame] {
            try conversation.start(at: now)
            return try takeSent()
        }

        @discardableResult
        mutating func receive(_ bytes: [UInt8], at now: UInt64 = 0, refills: Bool = true) throws -> [SentFrame] {
            let handled = try conversation.received(bytes.span, at: now, refills: refills, tally: &tally)
            #expect(handled == bytes.count)
            return try takeSent()
        }

        private mutating func takeSent() throws -> [SentFrame] {
            defer { conversation.out.clear() }
            return try SentFrame.all(Array(conversation.out.readableBytesView))
        }
    }

    private func answer(_ call: SentFrame) -> [UInt8] {
        ServerBytes.answer(call.id, payload: call.payload)
    }

    // MARK: Ids and the loop

    @Test func keepsDepthCallsUnanswered() throws {
        var peer = try Peer(depth: 3, limits: .limits())
        let first = try peer.start(at: 100)
        #expect(first.count == 3)
        #expect(peer.conversation.unanswered == 3)
        let next = try peer.receive(first.flatMap(answer), at: 350)
        #expect(next.count == 3)
        #expect(peer.conversation.unanswered == 3)
        #expect(peer.tally.answered == 3)
        #expect(peer.tally.latencies.summary.max == 0.25)
    }

    @Test func idsRiseInWhateverOrderAnswersCome() throws {
        var peer = try Peer(depth: 5, limits: .limits())
        var unanswered = try peer.start()
        var highest = try #require(unanswered.map(\.id).max())
        #expect(unanswered.map(\.id) == unanswered.map(\.id).sorted())
        for step in 0..<200 {
            let call = unanswered.remove(at: step * 7 % unanswered.count)
            let next = try peer.receive(answer(call))
            #expect(next.count == 1 && next[0].id > highest)
            highest = next[0].id
            unanswered += next
        }
        #expect(peer.tally.answered == 200)
    }

    @Test func startsNothingMoreWhenItDoesNotRefill() throws {
        var peer = try Peer(depth: 2, limits: .limits())
        let calls = try peer.start()
        #expect(try peer.receive(calls.flatMap(answer), refills: false) == [])
        #expect(peer.conversation.unanswered == 0)
    }

    @Test func leavesTheBeginningOfAFrameUnhandled() throws {
        var peer = try Peer(depth: 2, limits: .limits())
        let answers = try peer.start().map(answer)
        for cut in 0..<answers[1].count {
            var copy = peer
            let bytes = answers[0] + answers[1].prefix(cut)
            let handled = try copy.conversation.received(bytes.span, at: 0, refills: true, tally: &copy.tally)
            #expect(handled == answers[0].count)
        }
    }

    // MARK: Turns

    @Test func callsTakeTheTemplatesInTurn() throws {
        let templates = (0..<5).map { CallTemplate(.echo, on: .init(backend: .memory, key: "\($0)"), length: 20) }
        var conversation = try LoadConversation(
            connection: 0,
            depth: 2,
            templates: templates,
            turn: .init(next: 1, step: 3),
            limits: .limits()
        )
        var tally = LoadTally()
        var keys: [UInt8] = []
        try conversation.start(at: 0)
        while keys.count < 10 {
            let calls = try SentFrame.all(Array(conversation.out.readableBytesView))
            conversation.out.clear()
            keys += calls.compactMap(\.target.last)
            let bytes = calls.flatMap(answer)
            #expect(try conversation.received(bytes.span, at: 0, refills: true, tally: &tally) == bytes.count)
        }
        #expect(keys == Array("1420314203".utf8))
    }

    // MARK: Commands

    @Test func aCommandIsAnsweredByItsEnd() throws {
        var peer = try Peer(.exec, depth: 1, limits: .limits())
        let call = try peer.start()[0]
        #expect(call.body == 96 && call.message == [0x0a, 4] + Array("true".utf8) && call.payload.isEmpty)
        #expect(try peer.receive(ServerBytes.answer(call.id, payload: [], isLast: false, body: 96)) == [])
        #expect(peer.tally.answered == 0)
        #expect(try peer.receive(ServerBytes.execEnd(call.id, code: 0)).count == 1)
        #expect(peer.tally.answered == 1)
    }

    @Test(arguments: [1, nil] as [UInt64?])
    func aCommandHasToExitWithZero(code: UInt64?) throws {
        var peer = try Peer(.exec, depth: 1, limits: .limits())
        let call = try peer.start()[0]
        #expect(throws: LoadFailure.self) { try peer.receive(ServerBytes.execEnd(call.id, code: code)) }
    }

    private static let hello = LoadCommand("echo hi", output: "hi\n")

    @Test func whatACommandWritesMayComeInParts() throws {
        var peer = try Peer(.exec, depth: 1, command: Self.hello, limits: .limits())
        var call = try peer.start()[0]
        for _ in 0..<2 {
            #expect(try peer.receive(ServerBytes.execOutput(call.id, "h")) == [])
            #expect(try peer.receive(ServerBytes.execOutput(call.id, "i\n")) == [])
            call = try #require(try peer.receive(ServerBytes.execEnd(call.id, code: 0)).first)
        }
        #expect(peer.tally.answered == 2)
    }

    @Test(arguments: ["", "hi", "ho\n", "hi\n\n"])
    func aCommandHasToWriteWhatItShould(output: String) throws {
        var peer = try Peer(.exec, depth: 1, command: Self.hello, limits: .limits())
        let call = try peer.start()[0]
        #expect(throws: LoadFailure.self) {
            if !output.isEmpty { try peer.receive(ServerBytes.execOutput(call.id, output)) }
            try peer.receive(ServerBytes.execEnd(call.id, code: 0))
        }
    }

    @Test func aCommandHasToWriteToItsStandardOutput() throws {
        var peer = try Peer(.exec, depth: 1, command: Self.hello, limits: .limits())
        let call = try peer.start()[0]
        #expect(throws: LoadFailure.self) { try peer.receive(ServerBytes.execOutput(call.id, "hi\n", stream: 2)) }
    }

    // MARK: Wrong answers

    @Test func refusesEveryWrongAnswer() throws {
        var peer = try Peer(depth: 2, limits: .limits())
        let calls = try peer.start()
        let (one, two) = (calls[0], calls[1])
        let wrong = [
            "swapped": ServerBytes.answer(one.id, payload: two.payload),
            "empty": ServerBytes.answer(one.id, payload: []),
            "cut": ServerBytes.answer(one.id, payload: one.payload.dropLast()),
            "not final": ServerBytes.answer(one.id, payload: one.payload, isLast: false),
            "of another kind": ServerBytes.answer(one.id, payload: one.payload, body: 48),
            "unknown": ServerBytes.answer(two.id + 1, payload: one.payload),
            "twice": answer(one) + answer(one),
        ]
        for (name, bytes) in wrong {
            var copy = peer
            #expect("\(name)") {
                try copy.receive(bytes)
            } throws: { error in
                if case LoadFailure.wrongAnswer = error { true } else { false }
            }
        }
    }

    @Test func refusesASecondAnswerToACallThatHadNoSuccessor() throws {
        var peer = try Peer(depth: 1, limits: .limits())
        let bytes = answer(try peer.start()[0])
        try peer.receive(bytes, refills: false)
        #expect(throws: LoadFailure.self) { try peer.receive(bytes, refills: false) }
    }

    @Test func countsAnswersThatAreErrors() throws {
        var peer = try Peer(depth: 1, limits: .limits())
        let call = try peer.start()[0]
        let next = try peer.receive(ServerBytes.error(call.id, code: 36, message: "full"))
        #expect(next.count == 1)
        #expect(peer.tally.errors == [36: 1])
        #expect(peer.tally.firstError?.description == "RESOURCE_EXHAUSTED: full")
        #expect(peer.tally.answered == 0)
    }

    // MARK: Credit

    @Test func waitsForCreditAndSendsInOrder() throws {
        var peer = try Peer(depth: 4, payload: 40, limits: .limits(connection: 100))
        let sent = try peer.start(at: 1000)
        #expect(sent.count == 2)
        #expect(peer.conversation.unanswered == 4)
        #expect(try peer.receive(ServerBytes.window(bytes: 19)) == [])
        // Credit of a stream is not the connection's.
        #expect(try peer.receive(ServerBytes.window(stream: 1, bytes: 1000)) == [])
        let third = try peer.receive(ServerBytes.window(bytes: 1))
        #expect(third.count == 1)
        // The next call of an answered place waits behind the fourth.
        let fourth = try peer.receive(answer(sent[0]) + ServerBytes.window(bytes: 40))
        #expect(fourth.filter { $0.body == 32 }.count == 1)
        let later = try peer.receive(ServerBytes.window(bytes: 40), at: 0)
        #expect(later.count == 1)
        #expect(later[0].id > (fourth.last?.id ?? .max))
    }

    @Test func theTimeOfWaitingForCreditCounts() throws {
        var peer = try Peer(depth: 2, payload: 40, limits: .limits(connection: 40))
        _ = try peer.start(at: 1000)
        let call = try peer.receive(ServerBytes.window(bytes: 40), at: 5000)[0]
        _ = try peer.receive(answer(call), at: 6000)
        #expect(abs(peer.tally.latencies.summary.max - 5) < 0.01)
    }

    @Test func givesCreditBackForHalfAWindow() throws {
        var peer = try Peer(depth: 3, payload: 20, limits: .limits(connection: 80))
        let calls = try peer.start()
        #expect(try peer.receive(answer(calls[0]), refills: false) == [])
        let sent = try peer.receive(answer(calls[1]), refills: false)
        #expect(sent.map(\.body) == [20])
        #expect(try peer.receive(answer(calls[2]), refills: false) == [])
    }

    @Test func refusesAPayloadThatNoCreditLetsThrough() throws {
        #expect(throws: LoadFailure.self) { try Peer(depth: 1, payload: 41, limits: .limits(stream: 40)) }
        #expect(throws: LoadFailure.self) { try Peer(depth: 1, payload: 41, limits: .limits(connection: 40)) }
        #expect(throws: LoadFailure.self) { try Peer(depth: 1, payload: 41, limits: .limits(frame: 41)) }
    }

    // MARK: The connection itself

    @Test func answersAPing() throws {
        var peer = try Peer(depth: 1, limits: .limits())
        _ = try peer.start()
        let sent = try peer.receive(ServerBytes.ping(nonce: 5))
        #expect(sent.map(\.body) == [18])
    }

    @Test func endsWithTheReasonOfAGoAway() throws {
        var peer = try Peer(depth: 1, limits: .limits())
        #expect(throws: LoadFailure.connection("the server says go away: SHUTTING_DOWN: bye")) {
            try peer.receive(ServerBytes.goAway(code: 40, message: "bye"))
        }
    }
}
