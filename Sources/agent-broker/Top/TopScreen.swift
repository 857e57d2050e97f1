import AgentBackend
import BrokerClient

/// What `top` shows: lines of text, composed of a sample and the one before it. A value.
struct TopScreen: Sendable {
    struct Line: Sendable, Hashable {
        enum Style: Sendable, Hashable {
            case plain
            case heading
            case selected
        }

        var text: String
        var style = Style.plain
    }

    private(set) var lines: [Line] = []

    /// `size`: nil: as much as there is. `previous`: what rates are computed from.
    init(_ sample: TopSample, since previous: TopSample?, _ state: TopState, _ size: TerminalSize?) {
        let rates = sample.orgs.map { TopRate($0, sample.time, previous) }
        add(TopTable.summary(sample, rates))
        let rest = size.map { max(0, Int($0.rows) - lines.count - 2) } ?? .max
        let orgRows = min(sample.orgs.count, max(1, rest / 3))
        add(TopTable.orgs(sample.orgs, rates), rows: orgRows)
        add("")
        let room = size.map { max(0, Int($0.rows) - lines.count - 1) } ?? .max
        addList(sample, state, room)
        if let size {
            while lines.count < Int(size.rows) - 1 { add("") }
            lines.removeLast(max(0, lines.count - (Int(size.rows) - 1)))
            add(Self.footer(state))
            for index in lines.indices { lines[index].text = String(lines[index].text.prefix(Int(size.columns))) }
        }
    }

    private mutating func addList(_ sample: TopSample, _ state: TopState, _ room: Int) {
        let rows = state.rows(of: sample)
        let table =
            switch state.list {
            case .commands: TopTable.commands(state.commands(of: sample), at: sample)
            case .entries: TopTable.entries(state.entries(of: sample))
            }
        let selected = state.selected.flatMap { rows.firstIndex(of: $0) }
        let shown = max(0, room - 1)
        // The selected row is among those that are shown.
        let first = selected.map { max(0, $0 - shown + 1) } ?? 0
        add(table, from: first, rows: shown, selected: selected)
        if rows.isEmpty, shown > 0 { add(state.list == .commands ? "no command runs" : "there are no entries") }
    }

    private mutating func add(_ text: String) {
        lines.append(Line(text: text))
    }

    private mutating func add(_ table: TopTable, from first: Int = 0, rows: Int, selected: Int? = nil) {
        let shown = first..<min(table.rows.count, first.addingReportingOverflow(rows).overflow ? .max : first + rows)
        let texts = table.aligned(shown)
        for (index, text) in texts.enumerated() {
            let isSelected = selected.map { index == $0 - first + 1 } ?? false
            lines.append(Line(text: text, style: index == 0 ? .heading : isSelected ? .selected : .plain))
        }
    }

    private static func footer(_ state: TopState) -> String {
        if state.isConfirming, let row = state.selected {
            switch row {
            case .command(let org, let number): return "kill command \(number) of \(org)? y/n"
            case .entry(let org, let key, let backend):
                let loss = backend == .memory ? "its contents are lost" : "its files stay"
                return "destroy the entry \(org)/\(key), with what runs in it (\(loss))? y/n"
            }
        }
        if let message = state.message { return message }
        let other = state.list == .commands ? "entries" : "commands"
        return "q quit  j/k choose  K \(state.list == .commands ? "kill" : "destroy")  Tab \(other)  "
            + "s sorted by \(state.sorting.rawValue)"
    }

    /// As a terminal shows it, from its first row on.
    var terminalText: String {
        let texts = lines.map { line in
            switch line.style {
            case .plain: "\(line.text)\u{1b}[K"
            case .heading: "\u{1b}[1m\(line.text)\u{1b}[0m\u{1b}[K"
            case .selected: "\u{1b}[7m\(line.text)\u{1b}[0m\u{1b}[K"
            }
        }
        return "\u{1b}[H\(texts.joined(separator: "\r\n"))\u{1b}[J"
    }
}

/// Calls of an org in a second; nil: that is not known yet.
struct TopRate: Sendable {
    var answered: Double?
    var failed: Double?

    init(_ org: BrokerPool, _ time: Duration, _ previous: TopSample?) {
        guard let previous, time > previous.time, let before = previous.orgs.first(where: { $0.org == org.org }) else {
            return
        }
        let seconds = (time - previous.time) / .seconds(1)
        answered = Double(org.callsOK - min(org.callsOK, before.callsOK)) / seconds
        failed = Double(org.callsFailed - min(org.callsFailed, before.callsFailed)) / seconds
    }
}

extension TopState {
    func commands(of sample: TopSample) -> [BrokerCommandInfo] {
        sample.commands.sorted { left, right in
            switch sorting {
            case .age: left.number < right.number
            case .org: (left.org, left.key, left.number) < (right.org, right.key, right.number)
            case .size: left.written.total > right.written.total
            }
        }
    }

    func entries(of sample: TopSample) -> [BrokerEntryInfo] {
        sample.entries.sorted { left, right in
            switch sorting {
            case .age: left.age > right.age
            case .org: (left.org, left.key) < (right.org, right.key)
            case .size: left.bytes > right.bytes
            }
        }
    }
}

extension StreamOffsets {
    fileprivate var total: UInt64 { standardOutput &+ standardError }
}
