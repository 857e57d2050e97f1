/// Starts a server again and again: each time from the start of its process to the answer of a first call, on a
/// connection that says hello first.
struct StartLoad: Contestant {
    let name: String
    let server: ServerStart
    /// What is called first.
    var operation = LoadOperation.echo
    /// Called before each start.
    var prepare: () -> Void = {}

    /// Starts as often as the time allows, and once at least.
    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let begin = Clocks.monotonic()
        while Clocks.monotonic() < begin + time.warmup.nanoseconds { _ = try start(interrupts) }
        let first = Clocks.monotonic()
        var latencies = Latencies()
        repeat {
            latencies.record(nanoseconds: try start(interrupts))
        } while Clocks.monotonic() < first + time.duration.nanoseconds
        let seconds = Double(Clocks.monotonic() - first) / 1e9
        return RunFigures(
            calls: latencies.count,
            seconds: seconds,
            callsPerSecond: Double(latencies.count) / seconds,
            latencyMicroseconds: latencies.summary
        )
    }

    /// Returns the nanoseconds that it took.
    private func start(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> UInt64 {
        prepare()
        let pipe = try ReadyPipe()
        var program = server.program
        program.output = pipe.writeEnd
        let begin = Clocks.monotonic()
        return try ChildProcess.run(program) { (child) throws(LoadFailure) in
            guard let line = try pipe.line(within: ServerStart.patience, interrupts) else {
                throw child.failure("was not ready within \(ServerStart.patience)")
            }
            var settings = LoadSettings(endpoint: try server.endpoint(line), tokens: server.tokens, keys: ["load-0"])
            settings.operation = operation
            if operation == .exec { settings.backend = .local }
            settings.command = .hello
            try LoadRun(settings, interrupts: interrupts.descriptor).makeEachCallOnce()
            return Clocks.monotonic() - begin
        }
    }
}
