internal import FoundationEssentials
internal import Glibc

/// Runs a scenario to its end, with its generators in processes of their own, and has an eye on the broker meanwhile. Used
/// by one thread.
final class ScenarioRun {
    private let scenario: Scenario
    private let target: RunTarget
    private let generators: Generators
    private let progress: ProgressLine
    private let begin = Clocks.monotonic()
    private var report: RunReport
    private var capacity: Double?
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
        let plans = (0..<scenario.processes).map {
            WorkerPlan(scenario, run: name, index: $0, endpoint: target.endpoint, tokens: target.tokens)
        }
        // What the broker makes once, and what calls work on, is there before it is looked at. The generators are gone
        // then, and their connections with them.
        try Generators.run(plans, in: directory, interrupts) { (generators) throws(LoadFailure) in
            try ScenarioRun(scenario, target, generators, progress).prepare(interrupts)
        }
        let before = try target.rest(like: nil)
        let run: ScenarioRun = try Generators.run(plans, in: directory, interrupts) {
            (generators) throws(LoadFailure) in
            let run = ScenarioRun(scenario, target, generators, progress)
            do throws(LoadFailure) {
                for stage in scenario.stages { try run.perform(stage, interrupts) }
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
        if run.report.faults.isEmpty {
            let after = try target.rest(like: before?.footprint)
            run.report.before = before?.footprint
            run.report.after = after?.footprint
            run.report.faults += [before?.unrest, after?.unrest].compactMap { $0 }
        }
        run.report.judge(scenario, withChecks: withChecks)
        return run.report
    }

    private var elapsed: Double { Double(Clocks.monotonic() - begin) / 1e9 }

    // MARK: Stages

    /// Makes the files that calls work on, and a first sandbox.
    private func prepare(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        var stage = Stage(name: "prepare", load: .none)
        stage.duration = .seconds(600)
        _ = try run(stage, .prepare, interrupts)
    }

    private func perform(_ stage: Stage, _ interrupts: borrowing Interrupts) throws(LoadFailure) {
        switch stage.load {
        case .open(let from, let to, let steps, let arrivals):
            guard let first = from.perSecond(capacity: capacity), let last = to.perSecond(capacity: capacity) else {
                throw .settings("\(stage.name): a rate in percent needs a search before it that finds one")
            }
            guard steps > 1 else { return try measure(stage, first, last, arrivals, interrupts) }
            for step in 0..<steps {
                var part = stage
                let rate = first + (last - first) * Double(step) / Double(steps - 1)
                part.name = "\(stage.name) \(step + 1)"
                try measure(part, rate, rate, arrivals, interrupts)
            }
        case .closed(let depth):
            try measure(stage, .closed(depth: depth), "closed, \(scenario.connections) × \(depth)", nil, interrupts)
        case .touch(let keys):
            try measure(stage, .touch(keys), "\(keys) keys once", nil, interrupts)
        case .search(let settings):
            try search(stage, settings, interrupts)
        case .none:
            try measure(stage, .none, RunReport.noCalls, nil, interrupts)
        }
    }

    private func measure(
        _ stage: Stage,
        _ from: Double,
        _ to: Double,
        _ arrivals: Arrivals,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) {
        let rates = from == to ? "\(from.text(0))/s" : "\(from.text(0)) to \(to.text(0))/s"
        let kind = StageLoad.Kind.open(from: from, to: to, arrivals: arrivals, phase: 0)
        try measure(stage, kind, "open, \(rates) \(arrivals.rawValue)", (from + to) / 2, interrupts)
    }

    private func measure(
        _ stage: Stage,
        _ kind: StageLoad.Kind,
        _ load: String,
        _ offered: Double?,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) {
        let began = elapsed
        let processor = try target.processor()
        let tally = try run(stage, kind, interrupts)
        let after = stage.restarts == 0 ? try target.processor() : nil
        // A thread that ended meanwhile takes its time with it.
        let spent = zip(processor, after).map { $1 > $0 ? $1 - $0 : 0 }
        let text =
            load + (stage.noise ? ", with noise" : "") + (stage.restarts > 0 ? ", \(stage.restarts) restarts" : "")
        report.stages.append(StageReport(stage, load: text, began: began, offered: offered, tally, processor: spent))
        if tally.all.count > scenario.limits.calls {
            throw .failedCalls("more than \(scenario.limits.calls) calls: the scenario's limit")
        }
    }

    private func search(
        _ stage: Stage,
        _ settings: RateSearch.Settings,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) {
        var search = RateSearch(settings)
        while let rate = search.next {
            var step = stage
            step.duration = settings.step
            let kind = StageLoad.Kind.open(from: rate, to: rate, arrivals: .poisson, phase: 0)
            let tally = try run(step, kind, interrupts)
            let errors = tally.errors.values.reduce(0, +)
            search.tried(
                rate,
                achieved: Double(tally.answered) / max(tally.seconds, 1e-9),
                p99Microseconds: Double(tally.all.percentile(99)) / 1000,
                isComplete: errors == 0 && tally.overruns == 0
            )
            if let point = search.points.last { progress.note("\(stage.name): \(point.text)") }
        }
        capacity = search.highest
        report.searches.append(
            SearchReport(
                stage: stage.name,
                p99Microseconds: Double(settings.p99.nanoseconds) / 1000,
                points: search.points,
                highest: search.highest
            )
        )
    }

    // MARK: Generators

    /// Shares a stage out among the generators, runs it, and restarts the broker as often as it says.
    private func run(
        _ stage: Stage,
        _ kind: StageLoad.Kind,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> StageTally {
        let loads = (0..<scenario.processes).map { index in
            StageLoad(
                name: stage.name,
                kind: kind.share(index, of: scenario.processes),
                duration: stage.duration,
                calls: scenario.limits.calls / scenario.processes,
                noise: stage.noise,
                churn: stage.churn / Double(scenario.processes),
                seed: scenario.seed &+ UInt64(index) &* 7919
            )
        }
        let stageBegin = Clocks.monotonic()
        let gap = stage.duration.nanoseconds / UInt64(stage.restarts + 1)
        var restarts = 0
        let patience = Duration.nanoseconds(stage.duration.nanoseconds + 2 * ScenarioDriver.patience.nanoseconds)
        return try generators.run(loads, within: patience) { (reports) throws(LoadFailure) in
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
    }

    private static var host: String {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, Linux \(release)"
    }

    private func zip(_ before: UInt64?, _ after: UInt64?) -> (UInt64, UInt64)? {
        guard let before, let after else { return nil }
        return (before, after)
    }
}

extension StageLoad.Kind {
    /// The part of one of so many generators.
    func share(_ index: Int, of count: Int) -> StageLoad.Kind {
        switch self {
        case .open(let from, let to, let arrivals, _):
            let part = Double(count)
            return .open(from: from / part, to: to / part, arrivals: arrivals, phase: Double(index) / part)
        case .touch(let keys): return .touch((keys - index + count - 1) / count)
        case .closed, .prepare, .none: return self
        }
    }
}

extension RateSearch.Point {
    var text: String {
        "\(rate.text(0)) calls/s: \(achieved.text(0)) answered, p99 \((p99Microseconds / 1000).text(3)) ms, "
            + (kept ? "kept" : "too high")
    }
}
