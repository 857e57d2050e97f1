internal import NIOCore
internal import Synchronization

/// How long event loops let those wait that have something for them. Each look leaves a task on each loop, and tells what
/// became of the one of the look before: nothing is done between two looks. Safe to use from any thread.
final class EventLoopDelays: Sendable {
    private enum Probe {
        case none
        case waiting(since: NIODeadline)
        case done(after: Duration)
    }

    private let eventLoops: [any EventLoop]
    private let probes: Mutex<[Probe]>

    init(_ eventLoops: [any EventLoop]) {
        self.eventLoops = eventLoops
        probes = Mutex(Array(repeating: .none, count: eventLoops.count))
    }

    /// By event loop; for one whose task has not had its turn yet, how long that has waited until now.
    func look() -> [Duration] {
        let now = NIODeadline.now()
        let (delays, free) = probes.withLock { probes in
            let delays = probes.map { probe -> Duration in
                switch probe {
                case .none: .zero
                case .waiting(let since): Duration(now - since)
                case .done(let delay): delay
                }
            }
            let free = probes.indices.filter { if case .waiting = probes[$0] { false } else { true } }
            for index in free { probes[index] = .waiting(since: now) }
            return (delays, free)
        }
        for index in free {
            eventLoops[index].execute { [self] in
                let delay = Duration(NIODeadline.now() - now)
                probes.withLock { $0[index] = .done(after: delay) }
            }
        }
        return delays
    }
}
