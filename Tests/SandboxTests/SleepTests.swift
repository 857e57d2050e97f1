import AgentBackend
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct SleepTests {
        // MARK: The queue

        /// What a queue says to one thing after the other.
        private struct Peer {
            var queue = SleepQueue<String>()

            mutating func add(_ name: String, id: UInt64, until seconds: Double) -> Bool {
                queue.add(name, id: id, until: .seconds(seconds))
            }

            mutating func due(at seconds: Double) -> Set<String> { Set(queue.look(at: .seconds(seconds)).due) }
            mutating func next(at seconds: Double) -> Duration? { queue.look(at: .seconds(seconds)).next }
        }

        @Test func sleepersAreWokenWhenItIsTime() {
            var peer = Peer()
            _ = peer.add("late", id: 1, until: 9)
            _ = peer.add("early", id: 2, until: 3)
            _ = peer.add("same", id: 3, until: 3)
            let due = [2, 3, 8, 20].map { peer.due(at: $0) }
            #expect(due == [[], ["early", "same"], [], ["late"]])
        }

        @Test func theNextLookIsForTheFirst() {
            var peer = Peer()
            _ = peer.add("late", id: 1, until: 9)
            _ = peer.add("early", id: 2, until: 3)
            let next = [1, 3, 8, 9].map { peer.next(at: $0) }
            #expect(next == [.seconds(2), .seconds(6), .seconds(1), nil])
        }

        @Test func onlyWhoIsToBeWokenSoonerAsksForALook() {
            var peer = Peer()
            let asked = [5, 5, 6, 4].enumerated().map { peer.add("a", id: UInt64($0), until: $1) }
            #expect(asked == [true, false, false, true])
            // The look that was meant for one who is gone comes all the same.
            let isRemoved = peer.queue.remove(3) != nil
            let asksForMore = peer.add("a", id: 4, until: 4.5)
            #expect(isRemoved && !asksForMore)
            let next = peer.next(at: 4)
            #expect(next == .milliseconds(500))
        }

        @Test func whoIsTakenOutIsNotWoken() {
            var peer = Peer()
            _ = peer.add("a", id: 1, until: 1)
            _ = peer.add("b", id: 2, until: 1)
            let removed = [peer.queue.remove(1), peer.queue.remove(1)]
            #expect(removed == ["a", nil])
            let due = peer.due(at: 1)
            #expect(due == ["b"])
            let late = peer.queue.remove(2)
            #expect(late == nil && peer.queue.count == 0)
        }

        // MARK: The reactor's clock

        private func withClock(_ body: (ReactorClock) async throws -> Void) async throws {
            let reactor = try ReadinessReactor()
            let ended = Completion<Void>()
            try DedicatedThread.start(name: "test-reactor") {
                reactor.run()
                ended.fulfil(())
            }
            defer { reactor.stop() }
            try await body(ReactorClock(reactor: reactor))
            reactor.stop()
            await ended.waitToTheEnd()
        }

        @Test func aSleepEndsNotBeforeItsTime() async throws {
            try await withClock { clock in
                let begin = ContinuousClock.now
                // Longest first: each that follows has to be woken sooner than the thread would look.
                try await withThrowingTaskGroup { group in
                    for milliseconds in [30, 20, 10, 1, 0] {
                        group.addTask {
                            try await clock.sleep(for: .milliseconds(milliseconds))
                            #expect(begin.duration(to: .now) >= .milliseconds(milliseconds))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func aSleepEndsWithItsTask() async throws {
            try await withClock { clock in
                await withTaskGroup { group in
                    for _ in 0..<100 {
                        group.addTask {
                            await #expect(throws: CancellationError.self) { try await clock.sleep(for: .seconds(3600)) }
                        }
                    }
                    group.cancelAll()
                }
                #expect(clock.reactor.sleepers.count == 0)
            }
        }

        @Test func nobodySleepsWhenTheReactorStops() async throws {
            try await withClock { clock in
                await withTaskGroup { group in
                    for _ in 0..<100 {
                        group.addTask {
                            await #expect(throws: CancellationError.self) { try await clock.sleep(for: .seconds(3600)) }
                        }
                    }
                    clock.reactor.stop()
                }
            }
        }
    }
}
