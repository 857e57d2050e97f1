import AgentBackend
import BrokerWire
import Testing

@testable import BrokerClient
@testable import agent_broker

/// What `top` shows, and what keys do to it.
@Suite struct TopTests {
    private func org(_ name: String, ok: UInt64 = 0, failed: UInt64 = 0) -> BrokerPool {
        BrokerPool(
            org: name,
            pool: BrokerStatistics.Pool(StatsReply.Pool()),
            calls: BrokerStatistics.Calls(StatsReply.Calls()),
            connections: 2,
            callsOK: ok,
            callsFailed: failed,
            callsInFlight: 1,
            execsRunning: 1,
            limits: [
                BrokerLimitUse(name: "org_entries", used: 1, allowed: 4),
                BrokerLimitUse(name: "org_connections", used: 1, allowed: 100),
            ]
        )
    }

    private func command(_ number: UInt64, _ org: String = "acme", output: UInt64 = 0) -> BrokerCommandInfo {
        BrokerCommandInfo(
            number: number,
            org: org,
            key: "k",
            backend: .localFilesystem,
            scope: [],
            command: "run \(number)\u{1b}[2J",
            isolation: "bwrap",
            startedNanoseconds: 0,
            written: StreamOffsets(standardOutput: output),
            isInBackground: true
        )
    }

    private func entry(_ key: String, bytes: UInt64 = 0, backend: BackendType = .localFilesystem) -> BrokerEntryInfo {
        BrokerEntryInfo(
            number: 1,
            org: "acme",
            key: key,
            backend: backend,
            state: .idle,
            leases: 0,
            waiters: 0,
            age: .seconds(5),
            idle: .seconds(3),
            commandsRunning: 0,
            bytes: bytes
        )
    }

    private func sample(_ time: Duration = .zero) -> TopSample {
        TopSample(
            broker: BrokerIdentity(serverVersion: "1.2", node: "n", org: "acme"),
            uptime: .seconds(65),
            time: time
        )
    }

    private func press(_ text: String, _ state: inout TopState, _ sample: TopSample) -> TopState.Action {
        var action = TopState.Action.none
        for character in text { action = state.pressed(.character(character), rows: state.rows(of: sample)) }
        return action
    }

    // MARK: The screen

    @Test func ratesAreDifferences() {
        var (first, second) = (sample(), sample(.seconds(2)))
        first.orgs = [org("acme", ok: 100, failed: 1)]
        second.orgs = [org("acme", ok: 500, failed: 2)]
        let size = TerminalSize(rows: 24, columns: 120)
        let unknown = TopScreen(second, since: nil, TopState(), size).lines.map(\.text)
        #expect(unknown[0] == "n 1.2  up 1m5s  orgs 1  connections 2  calls/s -  in flight 1  entries 0  commands 0")
        let lines = TopScreen(second, since: first, TopState(), size).lines.map(\.text)
        #expect(lines[0].contains("calls/s 200  "))
        #expect(lines[1].hasPrefix("ORG   CONNS  CALLS/S  FAILED/S"))
        #expect(lines[2].hasPrefix("acme  2      200      0.5 "))
        #expect(lines[2].hasSuffix("org_entries 25%"))
    }

    @Test(arguments: [(24, 80), (50, 200), (5, 20), (3, 10), (1, 1)])
    func itFillsTheTerminalAndNoMore(rows: Int, columns: Int) {
        var sample = sample()
        sample.orgs = (0..<20).map { org("org-\($0)") }
        sample.commands = (0..<100).map { command(UInt64($0)) }
        let size = TerminalSize(rows: UInt16(rows), columns: UInt16(columns))
        let screen = TopScreen(sample, since: nil, TopState(), size)
        #expect(screen.lines.count == rows)
        #expect(screen.lines.allSatisfy { $0.text.count <= columns })
        // What others call their commands is text, and nothing that a terminal does.
        #expect(!screen.lines.contains { $0.text.contains("\u{1b}") })
    }

    @Test func theChosenRowIsShownWhereverItIs() {
        var sample = sample()
        sample.commands = (1...100).map { command(UInt64($0)) }
        var state = TopState()
        for _ in 0..<90 { _ = state.pressed(.down, rows: state.rows(of: sample)) }
        let screen = TopScreen(sample, since: nil, state, TerminalSize(rows: 24, columns: 120))
        let chosen = screen.lines.filter { $0.style == .selected }
        #expect(chosen.count == 1)
        #expect(chosen.first?.text.hasPrefix("90 ") ?? false)
        #expect(screen.terminalText.contains("\u{1b}[7m90 "))
    }

    @Test func whatIsEmptySaysSo() {
        let lines = TopScreen(sample(), since: nil, TopState(), TerminalSize(rows: 10, columns: 80)).lines.map(\.text)
        #expect(lines.contains("no command runs"))
        #expect(lines.last?.hasPrefix("q quit") ?? false)
    }

    // MARK: Keys

    @Test func keysChooseWithinTheList() {
        var sample = sample()
        sample.commands = [command(7), command(8)]
        var state = TopState()
        #expect(press("j", &state, sample) == .none)
        #expect(state.selected == .command(org: "acme", number: 7))
        _ = press("jjj", &state, sample)
        #expect(state.selected == .command(org: "acme", number: 8))
        _ = state.pressed(.up, rows: state.rows(of: sample))
        #expect(state.selected == .command(org: "acme", number: 7))
        _ = press("\t", &state, sample)
        #expect(state.list == .entries && state.selected == nil)
    }

    @Test func nothingIsEndedWithoutAYes() {
        var sample = sample()
        sample.commands = [command(7)]
        var state = TopState()
        #expect(press("K", &state, sample) == .none)
        #expect(state.message == "choose a row first, with j and k")
        #expect(press("jK", &state, sample) == .none)
        #expect(state.isConfirming)
        let screen = TopScreen(sample, since: nil, state, TerminalSize(rows: 10, columns: 80))
        #expect(screen.lines.last?.text == "kill command 7 of acme? y/n")
        #expect(press("q", &state, sample) == .none)
        #expect(state.message == "nothing was ended")
        #expect(press("Ky", &state, sample) == .end(.command(org: "acme", number: 7)))
        // One that has ended meanwhile is not killed, nor one that took its row.
        _ = press("K", &state, sample)
        sample.commands = [command(8)]
        #expect(press("y", &state, sample) == .none)
    }

    @Test func anEntryIsDestroyedAndItIsSaidWhatIsLost() {
        var sample = sample()
        sample.entries = [entry("m", backend: .memory)]
        var state = TopState()
        _ = press("\tjK", &state, sample)
        let screen = TopScreen(sample, since: nil, state, TerminalSize(rows: 10, columns: 90))
        #expect(screen.lines.last?.text.contains("its contents are lost") ?? false)
        #expect(press("y", &state, sample) == .end(.entry(org: "acme", key: "m", backend: .memory)))
    }

    @Test func listsAreSorted() {
        var sample = sample()
        sample.commands = [command(1, "b", output: 5), command(2, "a", output: 9)]
        var state = TopState()
        #expect(state.commands(of: sample).map(\.number) == [1, 2])
        _ = press("s", &state, sample)
        #expect(state.commands(of: sample).map(\.number) == [2, 1])
        _ = press("s", &state, sample)
        #expect(state.commands(of: sample).map(\.written.standardOutput) == [9, 5])
    }

    @Test func quitting() {
        var state = TopState()
        #expect(state.pressed(.character("q"), rows: []) == .quit)
        #expect(state.pressed(.interrupt, rows: []) == .quit)
    }

    @Test func arrowsComeInPieces() {
        var keys = TopKeys()
        #expect(keys.keys([UInt8(ascii: "j"), 0x1b]) == [.character("j")])
        #expect(keys.keys([UInt8(ascii: "[")]) == [])
        #expect(keys.keys(Array("A\u{1b}[B\u{1b}OA\u{3}q".utf8)) == [.up, .down, .up, .interrupt, .character("q")])
        #expect(keys.keys(Array("\u{1b}q".utf8)) == [.character("q")])
    }
}
