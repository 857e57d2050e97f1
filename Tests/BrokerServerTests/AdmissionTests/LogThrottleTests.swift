import Synchronization
import Testing

@testable import BrokerServer

@Suite struct LogThrottleTests {
    @Test func soManyLinesGoThroughAndTheOthersAreCounted() {
        let now = Mutex(Duration.zero)
        let throttle = LogThrottle(linesPerSecond: 2) { now.withLock { $0 } }
        #expect((1...5).map { _ in throttle.admit() } == [0, 0, nil, nil, nil])
        now.withLock { $0 = .milliseconds(500) }
        #expect((1...2).map { _ in throttle.admit() } == [3, nil])
        now.withLock { $0 = .seconds(60) }
        #expect((1...3).map { _ in throttle.admit() } == [1, 0, nil])
    }
}
