internal import AgentBackend
internal import BrokerClient
internal import NIOCore
internal import NIOPosix

/// The broker that a run is against.
enum RunTarget {
    /// One that the run has started.
    case own(RunningBroker)
    /// One that was running before, and its process where that is known.
    case running(Endpoint, tokens: [String], pid: Int32?)

    var endpoint: Endpoint {
        switch self {
        case .own(let broker): broker.endpoint
        case .running(let endpoint, _, _): endpoint
        }
    }

    var tokens: [String] {
        switch self {
        case .own(let broker): broker.setup.tokens
        case .running(_, let tokens, _): tokens
        }
    }

    private var pid: Int32? {
        switch self {
        case .own(let broker): broker.child.pid
        case .running(_, _, let pid): pid
        }
    }

    func restart(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        guard case .own(let broker) = self else { throw .settings("only a broker of the run's own is restarted") }
        try broker.restart(interrupts)
    }

    /// Nil where it is not known which process it is.
    func processor() throws(LoadFailure) -> UInt64? {
        try pid.flatMap { (pid) throws(LoadFailure) in try ServerProcessor(pids: [pid]).nanoseconds() }
    }

    func residentBytes() throws(LoadFailure) -> Int? {
        try pid.map { (pid) throws(LoadFailure) in try ProcessMemory(pid: pid).resident }
    }

    /// Waits for it to come to rest, and for what it then has to be enough. Nil where it is not the run's own.
    ///
    /// - Parameter lastingEntries: That stay although nobody uses them.
    func rest(
        lastingEntries: Int,
        until isEnough: @escaping @Sendable (BrokerFootprint) -> Bool
    ) throws(LoadFailure) -> BrokerRest.Found? {
        guard case .own(let broker) = self else { return nil }
        let rest: BrokerRest
        do {
            rest = BrokerRest(
                pid: broker.child.pid,
                root: broker.setup.root,
                address: try BrokerAddress("\(broker.endpoint)"),
                operatorToken: broker.operatorToken,
                lastingEntries: lastingEntries
            )
        } catch {
            throw .child("\(error)")
        }
        do {
            return try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
                try await rest.wait(until: isEnough)
            }.wait()
        } catch let failure as LoadFailure {
            throw failure
        } catch {
            throw .failedCalls("the broker does not tell how it is: \(error)")
        }
    }
}
