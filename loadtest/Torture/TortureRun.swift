internal import AgentBackend
internal import BrokerClient
internal import NIOCore
internal import NIOPosix

/// Many agents of several orgs make all kinds of calls on one broker, and give up, break off and lie now and then.
/// Every answer is checked; then whether the broker has given back all that it took.
struct TortureRun<Agent: TortureAgent>: Sendable {
    let settings: TortureSettings
    let server: ServerProcess
    /// Of the broker.
    let root: String
    /// Of each org.
    let tokens: [TortureTokens]
    let operatorToken: String
    /// Of ``Interrupts``.
    let interrupts: Int32

    /// Runs it on other threads while this one, which keeps the signals to itself, waits.
    func runToEnd() throws(LoadFailure) -> TortureReport {
        do {
            return try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask { try await run() }.wait()
        } catch let failure as LoadFailure {
            throw failure
        } catch let error as BackendError {
            throw .failedCalls(error.line)
        } catch {
            throw .wrongAnswer("\(error)")
        }
    }

    /// Throws at the first wrong answer.
    private func run() async throws -> TortureReport {
        let address = try address
        let progress = TortureProgress()
        let rest = BrokerRest(
            pid: server.pid,
            root: root,
            address: address,
            operatorToken: operatorToken,
            lastingEntries: settings.agents * Agent.lastingEntries
        )
        let agents = (0..<settings.agents).map {
            Agent($0, address, tokens[$0 % tokens.count], seed: settings.seed)
        }
        let warm = try await work(agents, MemoryTrend(), until: settings.warmup, progress)
        let before = try await rest.wait { _ in true }
        let begin = Clocks.monotonic()
        let first = progress.calls
        let (_, trend) = try await work(warm.agents, warm.trend, until: first + settings.calls, progress)
        let seconds = Double(Clocks.monotonic() - begin) / 1e9
        let after = try await rest.wait { $0 == before.footprint }
        guard let levels = trend.levels(of: first..<progress.calls) else {
            throw LoadFailure.settings("the run was too short to tell how memory goes")
        }
        var report = TortureReport(
            seed: settings.seed,
            calls: progress.calls - first,
            seconds: seconds,
            callsByAction: progress.byAction,
            before: before.footprint,
            after: after.footprint,
            firstMegabytes: levels.first / 1e6,
            lastMegabytes: levels.last / 1e6,
            faults: [before.unrest, after.unrest].compactMap { $0 }
        )
        report.judge()
        return report
    }

    private var address: BrokerAddress {
        get throws(BackendError) { try BrokerAddress("\(server.endpoint)") }
    }

    private enum Part {
        case agent(Agent)
        case trend(MemoryTrend)
    }

    /// Has the agents work, with an eye on the broker's memory.
    private func work(
        _ agents: [Agent],
        _ trend: MemoryTrend,
        until calls: Int,
        _ progress: TortureProgress
    ) async throws -> (agents: [Agent], trend: MemoryTrend) {
        try await withThrowingTaskGroup(of: Part.self) { group in
            for agent in agents {
                group.addTask {
                    var agent = agent
                    try await agent.run(until: calls, progress)
                    return .agent(agent)
                }
            }
            group.addTask {
                var watch = BrokerWatch(pid: server.pid, interrupts: interrupts, trend: trend)
                try await watch.run(progress, of: calls)
                return .trend(watch.trend)
            }
            var (ended, trend) = ([Agent](), trend)
            for try await part in group {
                switch part {
                case .agent(let agent): ended.append(agent)
                case .trend(let watched): trend = watched
                }
                // The watch is all that is left.
                if ended.count == agents.count { group.cancelAll() }
            }
            return (ended, trend)
        }
    }
}
