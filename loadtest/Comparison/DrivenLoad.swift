/// The calls of a scenario in a closed loop, on a server that is running: for answers that come in parts.
struct DrivenLoad: Contestant {
    let name: String
    let server: ServerProcess
    /// Whose connections, population and mix count.
    let scenario: Scenario
    /// Unanswered calls of each connection.
    let depth: Int

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let plan = WorkerPlan(scenario, run: "load", index: 0, endpoint: server.endpoint, tokens: server.tokens)
        let driver = try ScenarioDriver(plan, interrupts: interrupts.descriptor)
        _ = try run(.prepare, .seconds(600), driver)
        let processor = ServerProcessor(pids: [server.pid])
        let (tally, used) = try Niceness.ofServer(server.pid) { () throws(LoadFailure) in
            _ = try run(.closed(depth: depth), TimeSpan(nanoseconds: max(time.warmup.nanoseconds, 1)), driver)
            let before = try processor.nanoseconds() ?? 0
            let tally = try run(.closed(depth: depth), TimeSpan(nanoseconds: time.duration.nanoseconds), driver)
            let after = try processor.nanoseconds() ?? 0
            return (tally, after > before ? after - before : 0)
        }
        if let error = tally.firstError { throw .failedCalls("\(name): \(error)") }
        guard tally.answered > 0, tally.seconds > 0 else { throw .failedCalls("\(name): no call was answered") }
        return RunFigures(
            calls: tally.answered,
            seconds: tally.seconds,
            callsPerSecond: Double(tally.answered) / tally.seconds,
            latencyMicroseconds: tally.all.summary,
            serverMicrosecondsPerCall: Double(used) / 1000 / Double(tally.answered)
        )
    }

    private func run(
        _ kind: StageLoad.Kind,
        _ duration: TimeSpan,
        _ driver: ScenarioDriver
    ) throws(LoadFailure) -> StageTally {
        let load = StageLoad(name: name, kind: kind, duration: duration, calls: .max, seed: scenario.seed)
        return try driver.run(load, begin: Clocks.monotonic()) { _ in }
    }
}
