internal import NIOCore

/// Runs the stages of a scenario, or one generator's part of them, against a server: connects, makes calls when they are
/// due, checks every answer, and connects anew where connections may be lost. Used by one thread. Each stage ends in
/// bounded time, whatever the server does.
final class ScenarioDriver {
    let plan: WorkerPlan
    let epoll: Epoll
    private(set) var connections: [DrivenConnection] = []
    var workload: Workload
    var generator: SeededGenerator
    /// Connections that epoll watches for room to write.
    var watchedForRoom: Set<Int> = []
    /// Connections that are to be made anew, and when that is tried next.
    var lost: Set<Int> = []
    var nextReconnect: UInt64 = 0
    var scratch = ByteBuffer()
    var stage: RunningStage

    static let interruptToken = -1
    /// For the answers that are outstanding when a stage ends.
    static let patience = TimeSpan.seconds(30)
    static let reconnectPause: UInt64 = 20_000_000
    private static let progressInterval: UInt64 = 500_000_000

    /// Connects. `interrupts` is the descriptor of ``Interrupts``, where the caller has them.
    init(_ plan: WorkerPlan, interrupts: Int32? = nil) throws(LoadFailure) {
        self.plan = plan
        let scenario = plan.scenario
        workload = Workload(
            run: plan.run,
            population: scenario.population,
            mix: plan.mix,
            seed: plan.isNoise ? ~scenario.seed : scenario.seed,
            share: plan.share
        )
        generator = SeededGenerator(seed: scenario.seed &+ 7, agent: plan.index)
        stage = RunningStage(.nothing, connections: 0, mostUnanswered: 0)
        epoll = try Epoll()
        if let interrupts { try epoll.add(interrupts, token: Self.interruptToken) }
        for org in plan.orgs {
            let connection = try DrivenConnection(
                org: org,
                to: plan.endpoint,
                token: plan.tokens[org],
                depth: plan.depth
            )
            if let descriptor = connection.descriptor { try epoll.add(descriptor, token: connections.count) }
            connections.append(connection)
        }
    }

    /// Runs one stage, from `begin` on by the monotonic clock, and returns when all its calls are answered. Throws at the
    /// first wrong answer, and when calls are not answered.
    func run(
        _ load: StageLoad,
        begin: UInt64,
        progress: (StageProgress) -> Void
    ) throws(LoadFailure) -> StageTally {
        beginStage(load)
        let end = load.duration.nanoseconds + Self.patience.nanoseconds
        var nextProgress: UInt64 = 0
        while true {
            let clock = Clocks.monotonic()
            guard clock >= begin else {
                try serve(limit: begin - clock, begin: begin)
                continue
            }
            let now = clock - begin
            try makeDueCalls(at: now)
            try churn(at: now)
            try reconnectLost(at: now)
            if stage.clock.isOver(at: now), stage.clock.unanswered == 0, lost.isEmpty {
                stage.clock.ended(at: now)
                return stage.clock.tally
            }
            guard now < end else {
                throw .failedCalls(
                    "\(load.name): \(stage.clock.unanswered) calls were not answered within \(Self.patience.seconds.text(0)) s after its end"
                )
            }
            if now >= nextProgress {
                progress(StageProgress(load.name, seconds: Double(now) / 1e9, stage.clock.tally))
                nextProgress = now + Self.progressInterval
            }
            let until = min(nextEvent(at: now), nextProgress, end)
            try serve(limit: until > now ? until - now : 0, begin: begin)
        }
    }

    private func nextEvent(at now: UInt64) -> UInt64 {
        var next = UInt64.max
        if !stage.clock.isClosed, let due = stage.clock.nextDue(at: now) { next = due }
        if let due = stage.churn?.next { next = min(next, due) }
        if !lost.isEmpty { next = min(next, nextReconnect) }
        if !stage.clock.isOver(at: now) { next = min(next, max(stage.load.duration.nanoseconds, now)) }
        return next
    }
}
