/// Entries of a broker, one for each key of each org.
struct KeySet {
    private let settings: LoadSettings

    init(_ settings: LoadSettings) {
        self.settings = settings
    }

    /// Unanswered calls of each connection meanwhile.
    private static let depth = 64

    /// Has them made by a call on each.
    func make(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        var settings = settings
        settings.connections = settings.tokens.count
        settings.background = nil
        settings.takesTurns = false
        var rest = settings.keys[...]
        while !rest.isEmpty {
            settings.keys = Array(rest.prefix(Self.depth))
            settings.depth = settings.keys.count
            rest = rest.dropFirst(Self.depth)
            try LoadRun(settings, interrupts: interrupts.descriptor).makeEachCallOnce()
        }
    }
}
