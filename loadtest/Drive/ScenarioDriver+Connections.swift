extension ScenarioDriver {
    /// Closes all connections; what is known of files stays. No call is unanswered, and none is made until
    /// ``connect()``.
    func disconnect() {
        for connection in connections { _ = connection.close() }
        watchedForRoom = []
    }

    /// Ends all conversations. Returns what went over the connections since the driver was made. No
    /// call is unanswered, and none is made any more.
    func finish() throws(LoadFailure) -> Traffic {
        var traffic = Traffic()
        for (index, connection) in connections.enumerated() where connection.descriptor != nil {
            try guardingLoss(of: index) { () throws(LoadFailure) in try connection.finish() }
        }
        for connection in connections { traffic.add(connection.traffic) }
        return traffic
    }

    /// Makes those anew that ``disconnect()`` has closed.
    func connect() throws(LoadFailure) {
        for index in connections.indices where connections[index].descriptor == nil && !lost.contains(index) {
            let connection = connections[index]
            try connection.reconnect(workload)
            if let descriptor = connection.descriptor { try epoll.add(descriptor, token: index) }
        }
    }

    /// Runs `body`. A connection that is lost meanwhile is made anew later, where the scenario allows that.
    func guardingLoss(of index: Int, _ body: () throws(LoadFailure) -> Void) throws(LoadFailure) {
        do throws(LoadFailure) {
            try body()
        } catch {
            guard plan.scenario.allowsLostConnections, error.isLoss else { throw error }
            lose(index)
        }
    }

    func lose(_ index: Int) {
        let connection = connections[index]
        for entry in connection.close() {
            workload.gaveUp(entry.call)
            stage.clock.lost()
            freePlace(index)
        }
        watchedForRoom.remove(index)
        lost.insert(index)
        nextReconnect = 0
    }

    func reconnectLost(at now: UInt64) throws(LoadFailure) {
        guard !lost.isEmpty, now >= nextReconnect else { return }
        nextReconnect = now + Self.reconnectPause
        for index in lost {
            let connection = connections[index]
            do throws(LoadFailure) {
                try connection.reconnect(workload)
            } catch {
                guard error.isLoss else { throw error }
                return
            }
            if let descriptor = connection.descriptor { try epoll.add(descriptor, token: index) }
            lost.remove(index)
            // What waited for the connection.
            try flush(index)
        }
    }

    /// Closes a connection that nothing is asked of, and makes it anew.
    func churn(at now: UInt64) throws(LoadFailure) {
        while let due = stage.churn?.next, due <= now {
            stage.churn?.advance()
            let index = Int.random(in: connections.indices, using: &generator)
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

extension LoadFailure {
    /// The connection is gone, which says nothing of answers.
    fileprivate var isLoss: Bool {
        switch self {
        case .connection, .system: true
        default: false
        }
    }
}
