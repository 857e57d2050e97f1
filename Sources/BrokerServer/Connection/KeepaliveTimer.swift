internal import BrokerWire
internal import NIOCore

/// Pings a silent peer and tells when it is dead. Used on one event loop.
struct KeepaliveTimer {
    private var driver: Driver?

    /// - Parameter body: Gets what is to be done, but for `wait`.
    mutating func start(
        on eventLoop: any EventLoop,
        interval: TimeAmount,
        misses: Int,
        _ body: @escaping (Keepalive.Action) -> Void
    ) {
        let driver = Driver(eventLoop: eventLoop, interval: interval, misses: misses, body: body)
        driver.schedule()
        self.driver = driver
    }

    /// Something arrived.
    func heard() {
        driver?.keepalive.heard()
    }

    /// The peer closed its side: it may live on without a word.
    func expectNoAnswers() {
        driver?.keepalive.expectNoAnswers()
    }

    /// Asks at once whether the peer is there.
    func probe() {
        driver?.probe()
    }

    mutating func stop() {
        driver?.stop()
        driver = nil
    }

    private final class Driver {
        var keepalive: Keepalive
        private let eventLoop: any EventLoop
        private let interval: TimeAmount
        private let body: (Keepalive.Action) -> Void
        private var timer: Scheduled<Void>?

        init(
            eventLoop: any EventLoop,
            interval: TimeAmount,
            misses: Int,
            body: @escaping (Keepalive.Action) -> Void
        ) {
            keepalive = Keepalive(maximumMisses: misses)
            self.eventLoop = eventLoop
            self.interval = interval
            self.body = body
        }

        func schedule() {
            timer = eventLoop.assumeIsolated().scheduleTask(in: interval) { [self] in
                let action = keepalive.intervalPassed()
                if action != .wait { body(action) }
                if action != .giveUp { schedule() }
            }
        }

        func probe() {
            body(keepalive.ping())
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
