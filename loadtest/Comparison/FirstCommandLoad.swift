/// Starts a server, and has it run a first command in one new entry after the other.
struct FirstCommandLoad: Contestant {
    let name: String
    let server: ServerStart

    /// Fewer than the sandboxes that a broker keeps: none has to be ended meanwhile.
    private static let calls = 200

    /// Ends when that many were called, or the time is over.
    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        try server.run(interrupts) { (server) throws(LoadFailure) in
            var settings = server.settings(.exec, connections: 1, depth: 1)
            settings.backend = .local
            settings.command = LoadCommand("true")
            // What the broker makes once is not counted.
            settings.keys = ["first"]
            try LoadRun(settings, interrupts: interrupts.descriptor).makeEachCallOnce()

            // One is under way when the last of those that count is answered.
            settings.keys = (0...Self.calls).map { "load-\($0)" }
            settings.takesTurns = true
            settings.calls = Self.calls
            settings.warmup = .zero
            settings.duration = time.duration
            let report = try LoadRun(settings, interrupts: interrupts.descriptor).run()
            if let fault = report.fault { throw .failedCalls("\(name): \(fault)") }
            return RunFigures(report)
        }
    }
}
