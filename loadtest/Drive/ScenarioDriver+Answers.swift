internal import AgentBackend

extension ScenarioDriver {
    func serve(limit: UInt64, begin: UInt64) throws(LoadFailure) {
        for number in 0..<(try epoll.wait(limit: limit)) {
            let ready = epoll.ready(number)
            guard ready.token != Self.interruptToken else { throw .interrupted }
            let index = ready.token
            let clock = Clocks.monotonic()
            let now = clock > begin ? clock - begin : 0
            try guardingLoss(of: index) { () throws(LoadFailure) in
                let connection = connections[index]
                guard connection.descriptor != nil else { return }
                try connection.serve(ready, &scratch, &workload) {
                    (entry, answer, bytes, workload) throws(LoadFailure) in
                    try take(entry, answer, bytes, &workload, on: index, at: now)
                }
            }
            try watchForRoom(index)
        }
    }

    func take(
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
            stage.clock.answered(entry.call, due: entry.due, at: now)
        case .error(let error) where error.code == entry.call.kind.refusal?.rawValue:
            stage.clock.answered(entry.call, due: entry.due, at: now)
        case .error(let error):
            workload.gaveUp(entry.call)
            stage.clock.failed(entry.call, error)
        }
        freePlace(index)
    }

    func freePlace(_ index: Int) {
        if stage.clock.isClosed { stage.free.append(index) }
    }

    /// Tells epoll when it has changed whether the connection waits for room to write.
    func watchForRoom(_ index: Int) throws(LoadFailure) {
        let waits = connections[index].waitsForRoom
        guard waits != watchedForRoom.contains(index), let descriptor = connections[index].descriptor else { return }
        if waits { watchedForRoom.insert(index) } else { watchedForRoom.remove(index) }
        try epoll.watch(descriptor, token: index, forRoom: waits)
    }
}
