internal import NIOCore

/// Runs the stages of a scenario, or one generator's part of them, against a server: connects, makes calls when they are
/// due, checks every answer, and connects anew where connections may be lost. Used by one thread. Each stage ends in
/// bounded time, whatever the server does.
final class ScenarioDriver {
    let plan: WorkerPlan
    private let epoll: Epoll
    private(set) var connections: [DrivenConnection] = []
    private var workload: Workload
    private var noiseWorkload: Workload
    private var generator: SeededGenerator
    /// Connections that epoll watches for room to write.
    private var watchedForRoom: Set<Int> = []
    /// Connections that are to be made anew, and when that is tried next.
    private var lost: Set<Int> = []
    private var nextReconnect: UInt64 = 0
    private var scratch = ByteBuffer()
    private var stage: RunningStage

    private static let interruptToken = -1
    /// For the answers that are outstanding when a stage ends.
    static let patience = TimeSpan.seconds(30)
    private static let reconnectPause: UInt64 = 20_000_000
    private static let progressInterval: UInt64 = 500_000_000

    /// Connects. `interrupts` is the descriptor of ``Interrupts``, where the caller has them.
    init(_ plan: WorkerPlan, interrupts: Int32? = nil) throws(LoadFailure) {
        self.plan = plan
        let scenario = plan.scenario
        let share = (index: plan.index, count: scenario.processes)
        workload = Workload(
            run: plan.run,
            population: scenario.population,
            mix: scenario.mix,
            seed: scenario.seed,
            share: share
        )
        noiseWorkload = Workload(
            run: plan.run,
            population: scenario.population,
            mix: scenario.noise?.mix ?? scenario.mix,
            seed: ~scenario.seed,
            share: share
        )
        generator = SeededGenerator(seed: scenario.seed &+ 7, agent: plan.index)
        stage = RunningStage(.nothing, connections: 0, mostUnanswered: 0)
        epoll = try Epoll()
        if let interrupts { try epoll.add(interrupts, token: Self.interruptToken) }
        for place in plan.places {
            let connection = try DrivenConnection(
                org: place.org,
                isNoise: place.isNoise,
                to: plan.endpoint,
                token: plan.tokens[place.org],
                depth: place.isNoise ? scenario.noise?.depth ?? 1 : scenario.depth
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
        let main = connections.indices.filter { !connections[$0].isNoise }
        beginStage(load, main)
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
            if stage.clock.isOver(at: now), unanswered == 0, lost.isEmpty {
                stage.clock.ended(at: now)
                return stage.clock.tally
            }
            guard now < end else {
                throw .failedCalls(
                    "\(load.name): \(unanswered) calls were not answered within \(Self.patience.seconds.text(0)) s after its end"
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

    private var unanswered: Int { stage.clock.unanswered + stage.noiseUnanswered }

    private func nextEvent(at now: UInt64) -> UInt64 {
        var next = UInt64.max
        if !stage.clock.isClosed, let due = stage.clock.nextDue(at: now) { next = due }
        if let due = stage.churn?.next { next = min(next, due) }
        if !lost.isEmpty { next = min(next, nextReconnect) }
        if !stage.clock.isOver(at: now) { next = min(next, max(stage.load.duration.nanoseconds, now)) }
        return next
    }

    // MARK: Calls

    private func beginStage(_ load: StageLoad, _ main: [Int]) {
        var load = load
        var preparation: [Int: [Call]] = [:]
        if load.kind == .prepare {
            for connection in connections where preparation[connection.org] == nil {
                preparation[connection.org] =
                    (connection.isNoise ? noiseWorkload : workload).preparation(ofOrg: connection.org)
            }
            load.calls = preparation.values.reduce(0) { $0 + $1.count }
        }
        stage = RunningStage(load, connections: connections.count, mostUnanswered: plan.scenario.limits.unanswered)
        stage.preparation = preparation
        switch load.kind {
        case .closed(let depth): stage.free = (0..<depth).flatMap { _ in main.reversed() }
        case .touch: stage.free = (0..<StageClock.touchDepth).flatMap { _ in main.reversed() }
        case .prepare: stage.free = (0..<StageClock.touchDepth).flatMap { _ in Array(connections.indices) }
        case .open, .none: break
        }
        guard stage.load.noise else { return }
        for index in connections.indices where connections[index].isNoise {
            for _ in 0..<(plan.scenario.noise?.depth ?? 0) { submitNoise(index) }
        }
    }

    private func makeDueCalls(at now: UInt64) throws(LoadFailure) {
        var touched: Set<Int> = []
        if stage.clock.isClosed {
            while let due = stage.clock.nextDue(at: now), due <= now, let index = stage.free.popLast() {
                guard let call = nextCall(ofOrg: connections[index].org), stage.clock.take(at: now) != nil else {
                    continue
                }
                submit(call, due: due, on: index)
                touched.insert(index)
            }
        } else {
            // No more at once than leaves time to look for answers.
            var rest = 256
            while rest > 0, let next = stage.clock.nextDue(at: now), next <= now {
                rest -= 1
                guard let due = stage.clock.take(at: now) else { continue }
                let index = Int.random(in: 0..<plan.mainConnections, using: &generator)
                submit(workload.next(ofOrg: connections[index].org), due: due, on: index)
                touched.insert(index)
            }
        }
        for index in touched {
            try guardingLoss(of: index) { () throws(LoadFailure) in try connections[index].flush() }
        }
    }

    /// Of a closed loop; nil: there is none for that org.
    private func nextCall(ofOrg org: Int) -> Call? {
        switch stage.load.kind {
        case .prepare: return stage.preparation[org]?.popLast()
        case .touch:
            defer { stage.touched += 1 }
            return workload.touch(org: org, number: stage.touched)
        case .open, .closed, .none: return workload.next(ofOrg: org)
        }
    }

    private func submit(_ call: Call, due: UInt64, on index: Int) {
        let isNoise = connections[index].isNoise
        let entry = CallChannel.Entry(call: call, due: due)
        connections[index].channel.submit(entry, isNoise ? noiseWorkload : workload)
    }

    private func submitNoise(_ index: Int) {
        var entry = CallChannel.Entry(call: noiseWorkload.next(ofOrg: connections[index].org), due: 0)
        entry.isMeasured = false
        stage.noiseUnanswered += 1
        connections[index].channel.submit(entry, noiseWorkload)
    }

    // MARK: Answers

    private func serve(limit: UInt64, begin: UInt64) throws(LoadFailure) {
        for number in 0..<(try epoll.wait(limit: limit)) {
            let ready = epoll.ready(number)
            guard ready.token != Self.interruptToken else { throw .interrupted }
            let index = ready.token
            let clock = Clocks.monotonic()
            let now = clock > begin ? clock - begin : 0
            try guardingLoss(of: index) { () throws(LoadFailure) in
                let connection = connections[index]
                guard connection.descriptor != nil else { return }
                if connection.isNoise {
                    try connection.serve(ready, &scratch, &noiseWorkload) {
                        (entry, answer, bytes, workload) throws(LoadFailure) in
                        try take(entry, answer, bytes, &workload, on: index, at: now)
                    }
                    while stage.noiseToRefill > 0, !stage.clock.isOver(at: now) {
                        stage.noiseToRefill -= 1
                        submitNoise(index)
                    }
                    try connection.flush()
                } else {
                    try connection.serve(ready, &scratch, &workload) {
                        (entry, answer, bytes, workload) throws(LoadFailure) in
                        try take(entry, answer, bytes, &workload, on: index, at: now)
                    }
                }
            }
            try watchForRoom(index)
        }
    }

    private func take(
        _ entry: CallChannel.Entry,
        _ answer: CallChannel.Answer,
        _ bytes: Span<UInt8>,
        _ workload: inout Workload,
        on index: Int,
        at now: UInt64
    ) throws(LoadFailure) {
        switch answer {
        case .outcome(let outcome):
            try workload.answered(entry.call, outcome, in: bytes)
            if entry.isMeasured {
                stage.clock.answered(entry.call, due: entry.due, at: now)
            } else {
                stage.clock.noiseAnswered()
            }
        case .error(let error):
            workload.gaveUp(entry.call)
            if entry.isMeasured { stage.clock.failed(error) }
        }
        if entry.isMeasured { freePlace(index) } else { stage.noiseEnded() }
    }

    private func freePlace(_ index: Int) {
        if stage.clock.isClosed { stage.free.append(index) }
    }

    /// Tells epoll when it has changed whether the connection waits for room to write.
    private func watchForRoom(_ index: Int) throws(LoadFailure) {
        let waits = connections[index].waitsForRoom
        guard waits != watchedForRoom.contains(index), let descriptor = connections[index].descriptor else { return }
        if waits { watchedForRoom.insert(index) } else { watchedForRoom.remove(index) }
        try epoll.watch(descriptor, token: index, forRoom: waits)
    }

    // MARK: Connections that come and go

    /// Runs `body`. A connection that is lost meanwhile is made anew later, where the scenario allows that.
    private func guardingLoss(of index: Int, _ body: () throws(LoadFailure) -> Void) throws(LoadFailure) {
        do throws(LoadFailure) {
            try body()
        } catch {
            guard plan.scenario.allowsLostConnections, error.isLoss else { throw error }
            lose(index)
        }
    }

    private func lose(_ index: Int) {
        let connection = connections[index]
        for entry in connection.close() {
            if connection.isNoise { noiseWorkload.gaveUp(entry.call) } else { workload.gaveUp(entry.call) }
            if entry.isMeasured {
                stage.clock.lost()
                freePlace(index)
            } else {
                stage.noiseEnded()
            }
        }
        watchedForRoom.remove(index)
        lost.insert(index)
        nextReconnect = 0
    }

    private func reconnectLost(at now: UInt64) throws(LoadFailure) {
        guard !lost.isEmpty, now >= nextReconnect else { return }
        nextReconnect = now + Self.reconnectPause
        for index in lost {
            let connection = connections[index]
            do throws(LoadFailure) {
                try connection.reconnect(connection.isNoise ? noiseWorkload : workload)
                try connection.flush()
            } catch {
                guard error.isLoss else { throw error }
                _ = connection.close()
                return
            }
            if let descriptor = connection.descriptor { try epoll.add(descriptor, token: index) }
            lost.remove(index)
        }
    }

    /// Closes a connection that nothing is asked of, and makes it anew.
    private func churn(at now: UInt64) throws(LoadFailure) {
        while let due = stage.churn?.next, due <= now {
            stage.churn?.advance()
            let index = Int.random(in: 0..<plan.mainConnections, using: &generator)
            let connection = connections[index]
            guard connection.channel.unanswered == 0, connection.descriptor != nil else { continue }
            let before = Clocks.monotonic()
            _ = connection.close()
            watchedForRoom.remove(index)
            try connection.reconnect(workload)
            if let descriptor = connection.descriptor { try epoll.add(descriptor, token: index) }
            stage.clock.connected(in: Clocks.monotonic() - before)
        }
    }
}

/// What goes on in a stage.
private struct RunningStage {
    let load: StageLoad
    var clock: StageClock
    var churn: ArrivalSchedule?
    /// Of a closed loop: a connection for each place without a call.
    var free: [Int] = []
    /// By org.
    var preparation: [Int: [Call]] = [:]
    var touched = 0
    var noiseUnanswered = 0
    /// Calls of the noise that ended and are not followed by others yet.
    var noiseToRefill = 0

    init(_ load: StageLoad, connections: Int, mostUnanswered: Int) {
        self.load = load
        clock = StageClock(load, connections: connections, mostUnanswered: mostUnanswered)
        if load.churn > 0 {
            churn = ArrivalSchedule(
                from: load.churn,
                to: load.churn,
                duration: load.duration,
                arrivals: .poisson,
                seed: ~load.seed
            )
        }
    }

    mutating func noiseEnded() {
        noiseUnanswered -= 1
        noiseToRefill += 1
    }
}

extension LoadFailure {
    /// The connection is gone, which says nothing of answers.
    fileprivate var isLoss: Bool {
        switch self {
        case .connection, .system: true
        default: false
        }
    }
}
