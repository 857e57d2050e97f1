internal import FoundationEssentials
internal import Glibc

/// Runs a scenario to its end, with its generators in processes of their own, and has an eye on the broker meanwhile. Used
/// by one thread.
final class ScenarioRun {
    let scenario: Scenario
    let target: RunTarget
    let generators: Generators
    let progress: ProgressLine
    private let begin = Clocks.monotonic()
    var report: RunReport
    var capacity: Double?
    private var nextSample: UInt64 = 0

    private init(_ scenario: Scenario, _ target: RunTarget, _ generators: Generators, _ progress: ProgressLine) {
        (self.scenario, self.target, self.generators, self.progress) = (scenario, target, generators, progress)
        report = RunReport(
            scenario: scenario.name,
            about: scenario.about,
            seed: scenario.seed,
            host: Self.host,
            began: Date().timeIntervalSince1970,
            seconds: 0
        )
    }

    /// Runs it against a broker. Throws where there is nothing to report; a wrong answer is a fault of the report.
    static func run(
        _ scenario: Scenario,
        against target: RunTarget,
        in directory: String,
        withChecks: Bool,
        _ progress: ProgressLine,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> RunReport {
        let name = "run-\(UInt32.random(in: .min ... .max))"
        let plans = (0..<scenario.generators).map {
            WorkerPlan(scenario, run: name, index: $0, endpoint: target.endpoint, tokens: target.tokens)
        }
        let lasting = scenario.lastingEntries
        let run: ScenarioRun = try Generators.run(plans, in: directory, interrupts) {
            (generators) throws(LoadFailure) in
            let run = ScenarioRun(scenario, target, generators, progress)
            do throws(LoadFailure) {
                try run.prepare(interrupts)
                let warmup = scenario.stages.prefix { !$0.measured }
                for stage in warmup { try run.perform(stage, interrupts) }
                // What the broker makes once, and what calls work on, is there now.
                let before = try generators.disconnected { () throws(LoadFailure) in
                    try target.rest(lastingEntries: lasting) { _ in true }
                }
                run.report.before = before?.footprint
                run.report.faults += [before?.unrest].compactMap { $0 }
                for stage in scenario.stages.dropFirst(warmup.count) { try run.perform(stage, interrupts) }
                run.report.totals?.traffic = try generators.finish()
            } catch {
                guard case .interrupted = error else {
                    run.report.faults.append("\(error)")
                    return run
                }
                throw error
            }
            return run
        }
        progress.clear()
        run.report.seconds = run.elapsed
        if let before = run.report.before, run.report.faults.isEmpty {
            // The generators are gone, and with them their connections.
            let isAnother = scenario.stages.contains { $0.restarts > 0 }
            let after = try target.rest(lastingEntries: lasting) { isAnother || $0.excess(over: before).isEmpty }
            run.report.after = after?.footprint
            run.report.faults += [after?.unrest].compactMap { $0 }
        }
        run.report.judge(scenario, withChecks: withChecks)
        return run.report
    }

    var elapsed: Double { Double(Clocks.monotonic() - begin) / 1e9 }

    /// Makes the files that calls work on, and a first sandbox.
    private func prepare(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        var stage = Stage(name: "prepare", load: .none)
        // As long as it takes: there are so many of them.
        stage.duration = .seconds(3600)
        _ = try run(stage, .prepare, interrupts)
    }

    /// Shares a stage out among the generators, runs it, and restarts the broker as often as it says.
    func run(
        _ stage: Stage,
        _ kind: StageLoad.Kind,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> StageTally {
        var loads = (0..<scenario.processes).map { index in
            StageLoad(
                name: stage.name,
                kind: kind.share(index, of: scenario.processes),
                duration: stage.duration,
                calls: scenario.limits.calls / scenario.processes,
                churn: stage.churn / Double(scenario.processes),
                seed: scenario.seed &+ UInt64(index) &* 7919
            )
        }
        if let noise = scenario.noise {
            loads.append(
                StageLoad(
                    name: stage.name,
                    kind: kind == .prepare ? .prepare : stage.noise ? .closed(depth: noise.depth) : .none,
                    duration: stage.duration,
                    calls: .max,
                    seed: ~scenario.seed
                )
            )
        }
        let stageBegin = Clocks.monotonic()
        let gap = stage.duration.nanoseconds / UInt64(stage.restarts + 1)
        var restarts = 0
        let patience = Duration.nanoseconds(stage.duration.nanoseconds + 2 * ScenarioDriver.patience.nanoseconds)
        let tally = try generators.run(loads, within: patience) { (reports) throws(LoadFailure) in
            let now = Clocks.monotonic()
            if restarts < stage.restarts, now - stageBegin > gap * UInt64(restarts + 1) {
                restarts += 1
                try target.restart(interrupts)
            }
            guard elapsed < scenario.limits.duration.seconds else {
                throw .failedCalls("longer than \(scenario.limits.duration.seconds.text(0)) s: the scenario's limit")
            }
            if now >= nextSample, let bytes = try target.residentBytes() {
                nextSample = now + 500_000_000
                report.memory.append(.init(seconds: elapsed, bytes: bytes))
            }
            progress.show(reports)
        }
        report.totals?.add(tally)
        return tally
    }

    private static var host: String {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, Linux \(release)"
    }
}
