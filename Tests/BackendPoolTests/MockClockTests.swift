import BrokerTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MockClockTests {
    private final class Order: Sendable {
        let seconds = Mutex<[Int]>([])
    }

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let clock = MockClock()
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for second in [3, 1, 2] {
                group.addTask {
                    try await clock.sleep(for: .seconds(second))
                    order.seconds.withLock { $0.append(second) }
                }
                #expect(await clock.nextTimerScheduled().offset == .seconds(second))
            }
            for second in 1...3 {
                clock.advance(by: .seconds(1))
                try await group.next()
                #expect(order.seconds.withLock { $0 } == Array(1...second))
            }
        }
        #expect(clock.sleeperCount == 0)
        #expect(clock.now.offset == .seconds(3))
    }

    @Test func timeDoesNotGoBack() {
        let clock = MockClock()
        clock.advance(to: .init(offset: .seconds(5)))
        clock.advance(to: .init(offset: .seconds(2)))
        #expect(clock.now.offset == .seconds(5))
    }

    @Test func aDeadlineInThePastIsNoSleep() async throws {
        let clock = MockClock()
        clock.advance(by: .seconds(5))
        try await clock.sleep(until: .init(offset: .seconds(5)))
    }

    @Test func cancellingEndsASleep() async {
        let clock = MockClock()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { try await clock.sleep(for: .seconds(1)) }
            }
            await clock.nextTimerScheduled()
            group.cancelAll()
        }
        #expect(clock.sleeperCount == 0)
    }

    @Test func aSleepOfACancelledTaskEndsAtOnce() async {
        let clock = MockClock()
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: CancellationError.self) { try await clock.sleep(for: .seconds(1)) }
            }
        }
    }

    @Test func someoneWhoWaitsForATimerIsTold() async throws {
        let clock = MockClock()
        async let timer = clock.nextTimerScheduled()
        async let sleep: Void = clock.sleep(for: .seconds(7))
        #expect(await timer.offset == .seconds(7))
        clock.advance(by: .seconds(7))
        try await sleep
    }
}
