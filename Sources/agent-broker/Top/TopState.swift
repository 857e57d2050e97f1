import AgentBackend
import BrokerClient

/// What is looked at on the screen of `top`, and what keys do to it. A value without terminal, clock or broker.
struct TopState: Sendable {
    enum List: Sendable, Hashable {
        case commands
        case entries
    }

    enum Sorting: String, Sendable, Hashable, CaseIterable {
        case age
        case org
        /// Output of commands, bytes of entries.
        case size
    }

    /// A row of either list.
    enum Row: Sendable, Hashable {
        case command(org: String, number: UInt64)
        case entry(org: String, key: String, backend: BackendType)
    }

    enum Key: Sendable, Hashable {
        case character(Character)
        case up
        case down
        case interrupt
    }

    enum Action: Sendable, Hashable {
        case none
        case quit
        case end(Row)
    }

    private(set) var list = List.commands
    private(set) var sorting = Sorting.age
    private(set) var selected: Row?
    /// Asks for yes or no.
    private(set) var isConfirming = false
    /// Of the last action.
    var message: String?

    /// `rows`: of the list that is shown, in their order.
    mutating func pressed(_ key: Key, rows: [Row]) -> Action {
        if key == .interrupt { return .quit }
        if isConfirming {
            isConfirming = false
            guard key == .character("y"), let selected, rows.contains(selected) else {
                message = "nothing was ended"
                return .none
            }
            return .end(selected)
        }
        message = nil
        switch key {
        case .character("q"): return .quit
        case .down, .character("j"): move(by: 1, rows)
        case .up, .character("k"): move(by: -1, rows)
        case .character("\t"): (list, selected) = (list == .commands ? .entries : .commands, nil)
        case .character("s"):
            let all = Sorting.allCases
            sorting = all[((all.firstIndex(of: sorting) ?? 0) + 1) % all.count]
        case .character("K"):
            isConfirming = selected.map(rows.contains) ?? false
            if !isConfirming { message = "choose a row first, with j and k" }
        case .interrupt, .character: break
        }
        return .none
    }

    private mutating func move(by step: Int, _ rows: [Row]) {
        guard !rows.isEmpty else { return selected = nil }
        let index = selected.flatMap { rows.firstIndex(of: $0) }
        selected = rows[min(max(0, (index ?? (step > 0 ? -1 : 0)) + step), rows.count - 1)]
    }

    /// The rows of the list that is shown, in their order.
    func rows(of sample: TopSample) -> [Row] {
        switch list {
        case .commands: commands(of: sample).map { .command(org: $0.org, number: $0.number) }
        case .entries: entries(of: sample).map { .entry(org: $0.org, key: $0.key, backend: $0.backend) }
        }
    }
}

/// Keys as a terminal sends them. A value; what is left of a sequence waits for the rest of it.
struct TopKeys: Sendable {
    private var rest: [UInt8] = []

    mutating func keys(_ bytes: some Sequence<UInt8>) -> [TopState.Key] {
        rest += bytes
        var keys: [TopState.Key] = []
        while let first = rest.first {
            switch first {
            case 3: keys.append(.interrupt)
            case 0x1b:
                guard rest.count > 1 else { return keys }
                guard rest[1] == UInt8(ascii: "[") || rest[1] == UInt8(ascii: "O") else { break }
                guard rest.count > 2 else { return keys }
                switch rest[2] {
                case UInt8(ascii: "A"): keys.append(.up)
                case UInt8(ascii: "B"): keys.append(.down)
                default: break
                }
                rest.removeFirst(2)
            default: keys.append(.character(Character(Unicode.Scalar(first))))
            }
            rest.removeFirst()
        }
        return keys
    }
}
