internal import NIOCore

/// Pings a silent peer and tells when it is dead. Used on one event loop.
struct KeepaliveTimer {
    enum Event {
        case ping(nonce: UInt64)
        case dead
    }

    private var driver: Driver?

    mutating func start(
        on eventLoop: any EventLoop,
        interval: TimeAmount,
        misses: Int,
        _ body: @escaping (Event) -> Void
    ) {
        let driver = Driver(eventLoop: eventLoop, interval: interval, misses: misses, body: body)
        driver.schedule()
        self.driver = driver
    }

    /// Something arrived.
    func heard() {
        driver?.silentIntervals = -1
    }

    /// The peer closed its side: it may live on without a word.
    func expectNoAnswers() {
        driver?.expectsAnswers = false
    }

    /// Asks at once whether the peer is there.
    func probe() {
        driver?.ping()
    }

    mutating func stop() {
        driver?.stop()
        driver = nil
    }

    private final class Driver {
        /// Whole ones; -1 where something arrived in the present one.
        var silentIntervals = 0
        var expectsAnswers = true
        private let eventLoop: any EventLoop
        private let interval: TimeAmount
        private let misses: Int
        private let body: (Event) -> Void
        private var nonce: UInt64 = 0
        private var timer: Scheduled<Void>?

        init(eventLoop: any EventLoop, interval: TimeAmount, misses: Int, body: @escaping (Event) -> Void) {
            self.eventLoop = eventLoop
            self.interval = interval
            self.misses = misses
            self.body = body
        }

        func schedule() {
            timer = eventLoop.assumeIsolated().scheduleTask(in: interval) { [self] in
                silentIntervals += 1
                if expectsAnswers, silentIntervals > misses { return body(.dead) }
                if silentIntervals > 0 || !expectsAnswers { ping() }
                schedule()
            }
        }

        func ping() {
            nonce += 1
            body(.ping(nonce: nonce))
        }

        func stop() {
            timer?.cancel()
        }
    }
}

extension TimeAmount {
    /// As near as nanoseconds come.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self = .nanoseconds(overflow ? .max / 2 : nanoseconds + attoseconds / 1_000_000_000)
    }
}
