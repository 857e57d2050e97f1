import Testing

@testable import BrokerServer

@Suite struct RefusalTallyTests {
    private func source(_ index: Int = 0, log: String = "_broker") throws -> RefusalTally.Source {
        let address = try #require(IPAddress("10.0.\(index / 256).\(index % 256)"))
        return RefusalTally.Source(log: log, tokenID: "", address: address, operation: "hello")
    }

    /// A flood of one source leaves few records, of which the last tells at least half of it.
    @Test func aFloodIsCounted() throws {
        var tally = RefusalTally()
        let source = try source()
        let recorded = (1...1000).compactMap { _ in tally.refused(source, at: .seconds(1)) }
        #expect(recorded == (0..<10).map { 1 << $0 })
    }

    @Test func eachSourceIsCountedByItself() throws {
        var tally = RefusalTally()
        for _ in 1...3 { _ = tally.refused(try source(1), at: .zero) }
        #expect(tally.refused(try source(2), at: .zero) == 1)
        #expect(tally.refused(try source(1, log: "acme"), at: .zero) == 1)
        #expect(tally.refused(try source(1), at: .zero) == 4)
    }

    @Test func anIntervalLaterAllBeginsAnew() throws {
        var tally = RefusalTally()
        for _ in 1...3 { _ = tally.refused(try source(), at: .zero) }
        #expect(tally.refused(try source(), at: RefusalTally.interval - .nanoseconds(1)) == 4)
        #expect(tally.refused(try source(), at: RefusalTally.interval) == 1)
    }

    /// Many addresses make no more records than a few.
    @Test func sourcesAreBounded() throws {
        var tally = RefusalTally()
        for index in 0..<RefusalTally.maximumSources { #expect(tally.refused(try source(index), at: .zero) == 1) }
        let beyond = try (0..<10_000).compactMap { index in
            tally.refused(try source(RefusalTally.maximumSources + index), at: .zero)
        }
        #expect(beyond == (0..<14).map { 1 << $0 })
        // In another log they are not lost among those.
        #expect(tally.refused(try source(log: "acme"), at: .zero) == 1)
    }
}
