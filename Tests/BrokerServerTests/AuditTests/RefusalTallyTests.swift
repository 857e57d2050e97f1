import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct RefusalTallyTests {
    private typealias Count = RefusalTally.Count

    private func source(
        _ index: Int = 0,
        token: String = "",
        kind: FrontRefusal.Kind = .token,
        code: BackendError.Code = .authFailed,
        key: String = ""
    ) throws -> RefusalTally.Source {
        let address: IPAddress = try #require(IPAddress("10.0.\(index / 256).\(index % 256)"))
        return RefusalTally.Source(
            tokenID: token,
            address: address,
            operation: "hello",
            kind: kind,
            code: code,
            key: key
        )
    }

    private let first = Count(number: 1, isOfOneSource: true)

    /// A flood of one source leaves few records, of which the last tells at least half of it.
    @Test func aFloodIsCounted() throws {
        var tally = RefusalTally()
        let source = try source()
        let recorded = (1...1000).compactMap { _ in tally.refused(source, in: "_broker", at: .seconds(1)) }
        #expect(recorded == (0..<10).map { Count(number: 1 << $0, isOfOneSource: true) })
    }

    @Test func eachSourceIsCountedByItself() throws {
        var tally = RefusalTally()
        for _ in 1...3 { _ = tally.refused(try source(), in: "_broker", at: .zero) }
        for other in [
            try source(1), try source(token: "t"), try source(kind: .path), try source(code: .notFound),
            try source(key: "k"),
        ] { #expect(tally.refused(other, in: "_broker", at: .zero) == first) }
        #expect(tally.refused(try source(), in: "acme", at: .zero) == first)
        #expect(tally.refused(try source(), in: "_broker", at: .zero) == Count(number: 4, isOfOneSource: true))
    }

    @Test func anIntervalLaterAllBeginsAnew() throws {
        var tally = RefusalTally()
        for _ in 1...3 { _ = tally.refused(try source(), in: "_broker", at: .zero) }
        let justBefore = RefusalTally.interval - .nanoseconds(1)
        #expect(tally.refused(try source(), in: "_broker", at: justBefore)?.number == 4)
        #expect(tally.refused(try source(), in: "_broker", at: RefusalTally.interval) == first)
    }

    private func fill(_ tally: inout RefusalTally, _ log: String, token: String = "") throws {
        for index in 0..<RefusalTally.maximumSources {
            #expect(tally.refused(try source(token: token, key: "\(index)"), in: log, at: .zero) == first)
        }
    }

    /// Many addresses, or keys, make hardly more records than a few.
    @Test func sourcesAreBounded() throws {
        var tally = RefusalTally()
        try fill(&tally, "_broker")
        let beyond = try (1...10_000).compactMap { tally.refused(try source($0), in: "_broker", at: .zero) }
        #expect(beyond == (0..<14).map { Count(number: 1 << $0, isOfOneSource: false) })
        // One that was counted before still is.
        #expect(tally.refused(try source(key: "0"), in: "_broker", at: .zero)?.number == 2)
    }

    /// The third of an org is of a third source, whatever goes into the broker's log.
    @Test func aFullLogIsNoOthers() throws {
        var tally = RefusalTally()
        try fill(&tally, "_broker")
        for index in 1...3 {
            #expect(tally.refused(try source(token: "\(index)"), in: "acme", at: .zero) == first)
        }
    }

    /// Whoever makes up keys hides nothing of another token of the org.
    @Test func othersOfAFullLogAreCountedByToken() throws {
        var tally = RefusalTally()
        try fill(&tally, "acme", token: "flood")
        for key in ["a", "b", "c"] { _ = tally.refused(try source(token: "flood", key: key), in: "acme", at: .zero) }
        let other = tally.refused(try source(token: "quiet"), in: "acme", at: .zero)
        #expect(other == Count(number: 1, isOfOneSource: false))
    }
}
