import NIOCore
import Testing

@testable import BrokerClient

@Suite struct SendQueueTests {
    typealias Queue = SendQueue<Int>

    private func write(_ count: Int, isLast: Bool = false, id: UInt64 = 1, waiter: Int? = nil) -> Queue.Write {
        Queue.Write(id: id, bytes: ByteBuffer(repeating: 7, count: count), isLast: isLast, waiter: waiter)
    }

    private func isTaken(_ queue: inout Queue, _ write: Queue.Write, _ stream: UInt64) -> Bool {
        queue.append(write, to: stream) == nil
    }

    private func isGranted(_ queue: inout Queue, _ bytes: UInt64, _ stream: UInt64) -> Bool {
        queue.granted(bytes, stream: stream)
    }

    private func drain(_ queue: inout Queue, maximum: Int = 100) -> [String] {
        var pieces: [String] = []
        while let piece = queue.next(maximum: maximum) {
            pieces.append(
                "\(piece.stream):\(piece.bytes.readableBytes)\(piece.isLast ? " last" : "")"
                    + (piece.waiter.map { " wakes \($0)" } ?? "")
            )
        }
        return pieces
    }

    @Test func streamsTakeTurnsAPieceEach() {
        var queue = Queue(window: 1000)
        for id: UInt64 in [1, 2] {
            queue.open(id)
            _ = queue.start(id, window: 1000, maximum: 100)
        }
        #expect(isTaken(&queue, write(250, waiter: 1), 1))
        #expect(isTaken(&queue, write(150, isLast: true, waiter: 2), 2))
        #expect(drain(&queue) == ["1:100", "2:100", "1:100", "2:50 last wakes 2", "1:50 wakes 1"])
    }

    @Test func aStreamStopsAtItsWindowAndGoesOnWithCredit() {
        var queue = Queue(window: 1000)
        queue.open(1)
        _ = queue.start(1, window: 120, maximum: 100)
        #expect(isTaken(&queue, write(200, waiter: 1), 1))
        #expect(drain(&queue) == ["1:100", "1:20"])
        #expect(isGranted(&queue, 30, 1))
        #expect(drain(&queue) == ["1:30"])
        #expect(isGranted(&queue, 50, 1))
        #expect(drain(&queue) == ["1:50 wakes 1"])
    }

    @Test func withoutCreditOfTheConnectionOnlyEndsOfStreamsTravel() {
        var queue = Queue(window: 50)
        for id: UInt64 in [1, 2] {
            queue.open(id)
            _ = queue.start(id, window: 1000, maximum: 100)
        }
        #expect(isTaken(&queue, write(60), 1))
        #expect(isTaken(&queue, write(0, isLast: true), 2))
        #expect(drain(&queue) == ["1:50", "2:0 last"])
        #expect(queue.credit == 0)
        #expect(isGranted(&queue, 5, 0))
        #expect(drain(&queue) == ["1:5"])
    }

    @Test func bytesWaitForTheFirstFrameAndGoWithIt() {
        var queue = Queue(window: 1000)
        queue.open(1)
        #expect(isTaken(&queue, write(120, isLast: true, waiter: 1), 1))
        #expect(drain(&queue) == [])
        let first = queue.start(1, window: 1000, maximum: 100)
        #expect(first.bytes.readableBytes == 100)
        #expect(!first.isLast)
        #expect(drain(&queue) == ["1:20 last wakes 1"])
    }

    @Test func theFirstFrameNeverWaitsForCredit() {
        var queue = Queue(window: 0)
        queue.open(1)
        #expect(isTaken(&queue, write(10, isLast: true), 1))
        let first = queue.start(1, window: 1000, maximum: 100)
        #expect(first.bytes.readableBytes == 0)
        #expect(!first.isLast)
    }

    @Test func whatIsWithdrawnIsNotSent() {
        var queue = Queue(window: 50)
        queue.open(1)
        _ = queue.start(1, window: 1000, maximum: 100)
        #expect(isTaken(&queue, write(60, id: 5, waiter: 5), 1))
        #expect(drain(&queue) == ["1:50"])
        #expect(queue.withdraw(5, from: 1)?.waiter == 5)
        #expect(queue.withdraw(5, from: 1)?.waiter == nil)
        #expect(isGranted(&queue, 100, 0))
        #expect(isTaken(&queue, write(1), 1))
        #expect(drain(&queue) == ["1:1"])
    }

    @Test func aStreamThatEndedTakesNothing() {
        var queue = Queue(window: 50)
        queue.open(1)
        _ = queue.start(1, window: 1000, maximum: 100)
        #expect(isTaken(&queue, write(1, isLast: true), 1))
        #expect(drain(&queue) == ["1:1 last"])
        #expect(queue.append(write(1, waiter: 3), to: 1)?.waiter == 3)
        queue.open(2)
        #expect(isTaken(&queue, write(1, waiter: 4), 2))
        #expect(queue.close(2).compactMap(\.waiter) == [4])
        #expect(queue.append(write(1, waiter: 5), to: 2)?.waiter == 5)
    }

    @Test func creditWithoutSenseIsRefused() {
        var queue = Queue(window: 50)
        queue.open(1)
        _ = queue.start(1, window: 10, maximum: 100)
        #expect(!isGranted(&queue, .max, 0))
        #expect(!isGranted(&queue, 1 << 62, 1))
        #expect(isGranted(&queue, .max, 99), "of a call that is gone")
    }
}
