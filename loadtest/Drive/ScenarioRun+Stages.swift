extension ScenarioRun {
    /// Runs one stage of the scenario, and reports it.
    func perform(_ stage: Stage, _ interrupts: borrowing Interrupts) throws(LoadFailure) {
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

    func measure(
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

    func measure(
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
        var spent: UInt64?
        // A thread that ended meanwhile takes its time with it.
        if let processor, let after { spent = after > processor ? after - processor : 0 }
        let text =
            load + (stage.noise ? ", with noise" : "") + (stage.restarts > 0 ? ", \(stage.restarts) restarts" : "")
        report.stages.append(StageReport(stage, load: text, began: began, offered: offered, tally, processor: spent))
        if tally.answered >= scenario.limits.calls {
            throw .failedCalls("\(stage.name): \(scenario.limits.calls) calls: the scenario's limit")
        }
    }

    func search(
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
