internal import Glibc

/// The processes that make the calls of a run. Used by one thread.
final class Generators {
    private let children: [ChildProcess]
    private let channels: [LineChannel]
    /// Of each, whether it makes the noise: no figure is of its calls.
    private let isNoise: [Bool]
    private let interrupts: Int32

    /// From when a stage is told to when it begins, so that all begin together.
    private static let lead: UInt64 = 50_000_000

    /// Starts them and has them connect; they end with `body`.
    static func run<Result>(
        _ plans: [WorkerPlan],
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (Generators) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let generators = try Generators(plans, in: directory, interrupts.descriptor)
        defer { generators.end() }
        try generators.order { .begin(plans[$0]) }
        return try body(generators)
    }

    /// Closes all connections, for the time of `body`.
    func disconnected<Result>(_ body: () throws(LoadFailure) -> Result) throws(LoadFailure) -> Result {
        try order { _ in .disconnect }
        let result = try body()
        try order { _ in .connect }
        return result
    }

    /// Has all of them do something that is no stage.
    private func order(_ order: (Int) -> WorkerOrder) throws(LoadFailure) {
        for (index, channel) in channels.enumerated() { try channel.send(order(index)) }
        try wait(within: Duration.seconds(300)) { (report, _) throws(LoadFailure) in
            if case .done = report { true } else { false }
        }
    }

    /// Ends all conversations, and tells what went over their connections.
    func finish() throws(LoadFailure) -> Traffic {
        for channel in channels { try channel.send(WorkerOrder.finish) }
        var sum = Traffic()
        try wait(within: Duration.seconds(300)) { (report, index) throws(LoadFailure) in
            guard case .finished(let traffic) = report else { return false }
            if !isNoise[index] { sum.add(traffic) }
            return true
        }
        return sum
    }

    private init(_ plans: [WorkerPlan], in directory: String, _ interrupts: Int32) throws(LoadFailure) {
        self.interrupts = interrupts
        isNoise = plans.map(\.isNoise)
        var (children, channels) = ([ChildProcess](), [LineChannel]())
        for plan in plans {
            let (channel, childEnd) = try LineChannel.pair()
            defer { close(childEnd) }
            var start = ProgramStart(
                executable: "/proc/self/exe",
                arguments: ["run-generator"],
                name: "generator-\(plan.index)",
                directory: directory
            )
            start.input = childEnd
            start.output = childEnd
            children.append(try ChildProcess(start))
            channels.append(channel)
        }
        (self.children, self.channels) = (children, channels)
    }

    private func end() {
        for child in children { child.end() }
    }

    /// Has all run their part of a stage, and adds up what came of it.
    ///
    /// - Parameters:
    ///   - patience: For all of them to be done.
    ///   - meanwhile: Called now and then, with how all of them do.
    func run(
        _ loads: [StageLoad],
        within patience: Duration,
        meanwhile: (_ progress: [StageProgress]) throws(LoadFailure) -> Void
    ) throws(LoadFailure) -> StageTally {
        let begin = Clocks.monotonic() + Self.lead
        for (load, channel) in zip(loads, channels) { try channel.send(WorkerOrder.run(load, begin: begin)) }
        var sum: StageTally?
        var noise = 0
        var progress: [Int: StageProgress] = [:]
        try wait(
            within: patience,
            meanwhile: { () throws(LoadFailure) in
                try meanwhile(progress.sorted { $0.key < $1.key }.map(\.value))
            }
        ) { (report, index) throws(LoadFailure) in
            switch report {
            case .progress(let said):
                if !isNoise[index] { progress[index] = said }
            case .ended(let tally):
                if isNoise[index] {
                    noise += tally.answered
                } else if sum == nil {
                    sum = tally
                } else {
                    sum?.add(tally)
                }
                return true
            case .done, .finished, .failed: break
            }
            return false
        }
        guard var sum else { throw .child("no generator has run") }
        sum.noise = noise
        return sum
    }

    /// Waits until `isDone` was true for a report of each. Throws what one of them has failed with.
    private func wait(
        within patience: Duration,
        meanwhile: () throws(LoadFailure) -> Void = {},
        isDone: (WorkerReport, Int) throws(LoadFailure) -> Bool
    ) throws(LoadFailure) {
        let end = Clocks.monotonic() + patience.nanoseconds
        var rest = Set(channels.indices)
        while !rest.isEmpty {
            guard Clocks.monotonic() < end else { throw .child("the generators were not done within \(patience)") }
            var watched = channels.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            watched.append(pollfd(fd: interrupts, events: Int16(POLLIN), revents: 0))
            poll(&watched, nfds_t(watched.count), 100)
            if watched[channels.count].revents != 0 { throw .interrupted }
            for index in channels.indices where watched[index].revents != 0 {
                while let report = try received(index) {
                    if try isDone(report, index) { rest.remove(index) }
                    if rest.isEmpty { return }
                    guard channels[index].hasMore else { break }
                }
            }
            try meanwhile()
        }
    }

    private func received(_ index: Int) throws(LoadFailure) -> WorkerReport? {
        do throws(LoadFailure) {
            let report = try channels[index].receive(WorkerReport.self)
            if case .failed(let text) = report { throw .failedCalls(text) }
            return report
        } catch .child {
            throw children[index].failure("ended")
        }
    }
}
