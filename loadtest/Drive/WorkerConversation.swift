internal import CLinux

/// What a generator is told.
enum WorkerOrder: Codable {
    case begin(WorkerPlan)
    /// Close all connections, so that the broker can come to rest.
    case disconnect
    case connect
    /// Begin: by the monotonic clock, in nanoseconds.
    case run(StageLoad, begin: UInt64)
    /// End the conversations: there are no more stages.
    case finish
}

/// What it says.
enum WorkerReport: Codable {
    /// What it was told is done, and that was not to run a stage.
    case done
    case progress(StageProgress)
    case ended(StageTally)
    case finished(Traffic)
    /// It ends then.
    case failed(String)
}

/// A generator in a process of its own: does what it is told on its standard input until that is closed.
struct Worker {
    let channel: LineChannel

    /// Returns when there are no more orders. Says what went wrong, and returns then.
    func run() throws(LoadFailure) {
        var driver: ScenarioDriver?
        while let order = try nextOrder() {
            do throws(LoadFailure) {
                switch order {
                case .begin(let plan):
                    if !plan.isNoise { _ = linux_raise_thread(Self.levels) }
                    driver = try ScenarioDriver(plan)
                    try channel.send(WorkerReport.done)
                case .disconnect:
                    driver?.disconnect()
                    try channel.send(WorkerReport.done)
                case .connect:
                    try driver?.connect()
                    try channel.send(WorkerReport.done)
                case .run(let load, let begin):
                    guard let driver else { throw .child("a generator needs a plan first") }
                    // That nobody listens any more shows when the stage has ended.
                    let tally = try driver.run(load, begin: begin) { try? channel.send(WorkerReport.progress($0)) }
                    try channel.send(WorkerReport.ended(tally))
                case .finish:
                    try channel.send(WorkerReport.finished(try driver?.finish() ?? Traffic()))
                }
            } catch {
                try channel.send(WorkerReport.failed("\(error)"))
                return
            }
        }
    }

    /// Ahead of the broker and of its commands: on a machine of its own it would not wait for them before it looks at
    /// the clock.
    private static var levels: Int32 { 15 }

    /// Nil: the other end is closed.
    private func nextOrder() throws(LoadFailure) -> WorkerOrder? {
        do throws(LoadFailure) {
            while true {
                if let order = try channel.receive(WorkerOrder.self) { return order }
            }
        } catch .child {
            return nil
        }
    }
}
