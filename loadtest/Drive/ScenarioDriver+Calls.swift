extension ScenarioDriver {
    func beginStage(_ load: StageLoad) {
        var load = load
        var preparation: [Int: [Call]] = [:]
        if load.kind == .prepare {
            for connection in connections where preparation[connection.org] == nil {
                preparation[connection.org] = workload.preparation(ofOrg: connection.org)
            }
            load.calls = preparation.values.reduce(0) { $0 + $1.count }
        }
        if case .touch(let keys) = load.kind { load.calls = min(load.calls, keys) }
        stage = RunningStage(load, connections: connections.count, mostUnanswered: plan.scenario.limits.unanswered)
        stage.preparation = preparation
        switch load.kind {
        case .closed(let depth): stage.free = (0..<depth).flatMap { _ in connections.indices.reversed() }
        case .touch, .prepare:
            stage.free = (0..<StageClock.touchDepth).flatMap { _ in connections.indices.reversed() }
        case .open, .none: break
        }
    }

    func makeDueCalls(at now: UInt64) throws(LoadFailure) {
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
                let index = Int.random(in: connections.indices, using: &generator)
                submit(workload.next(ofOrg: connections[index].org), due: due, on: index)
                touched.insert(index)
            }
        }
        for index in touched { try flush(index) }
    }

    /// Sends what can be sent; of what is left epoll is told.
    func flush(_ index: Int) throws(LoadFailure) {
        try guardingLoss(of: index) { () throws(LoadFailure) in try connections[index].flush() }
        try watchForRoom(index)
    }

    /// Of a closed loop; nil: there is none for that org.
    func nextCall(ofOrg org: Int) -> Call? {
        switch stage.load.kind {
        case .prepare: return stage.preparation[org]?.popLast()
        case .touch:
            defer { stage.touched += 1 }
            return workload.touch(org: org, number: stage.touched)
        case .open, .closed, .none: return workload.next(ofOrg: org)
        }
    }

    func submit(_ call: Call, due: UInt64, on index: Int) {
        connections[index].channel.submit(CallChannel.Entry(call: call, due: due), workload)
    }
}
