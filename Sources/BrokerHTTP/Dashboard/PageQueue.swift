internal import DequeModule
internal import ModelContextProtocol
internal import NIOCore

/// What waits to be written to one page: the latest overview, which takes the place of one that was not written yet, and
/// the last operations. What a page that reads slowly makes wait is bounded, and what it misses is counted.
///
/// A value without lock or task.
struct PageQueue: Sendable {
    /// Operations that wait at most; the oldest go first.
    static let maximumOperations = 200

    /// What is written before all else.
    private var greeting: ByteBuffer?
    private var overview: ByteBuffer?
    /// Why there is no overview since.
    private var trouble: ByteBuffer?
    private var operations: Deque<ByteBuffer> = []
    private var missed: UInt64 = 0
    private var farewell: ByteBuffer?
    private(set) var isOver = false

    init(greeting: ByteBuffer? = nil) {
        self.greeting = greeting
    }

    /// Nothing waits.
    var isEmpty: Bool {
        greeting == nil && overview == nil && trouble == nil && operations.isEmpty && missed == 0 && farewell == nil
    }

    mutating func offer(overview event: ByteBuffer) {
        guard !isOver else { return }
        overview = event
        trouble = nil
    }

    mutating func offer(trouble event: ByteBuffer) {
        guard !isOver else { return }
        trouble = event
    }

    mutating func offer(operation event: ByteBuffer) {
        guard !isOver else { return }
        if operations.count == Self.maximumOperations {
            operations.removeFirst()
            missed += 1
        }
        operations.append(event)
    }

    /// Operations that nobody could be told of.
    mutating func miss(_ count: UInt64) {
        guard !isOver else { return }
        missed += count
    }

    /// Nothing is offered any more. Nil: there is nobody to be told why.
    mutating func end(_ reason: String?) {
        guard !isOver else { return }
        isOver = true
        farewell = reason.map { ByteBuffer(event: "bye", ["reason": .string($0)]) }
    }

    /// All that waits, as it is to be written.
    mutating func take() -> ByteBuffer {
        var bytes = greeting ?? ByteBuffer()
        if missed > 0 { bytes.writeImmutableBuffer(ByteBuffer(event: "missed", ["count": .count(missed)])) }
        for operation in operations { bytes.writeImmutableBuffer(operation) }
        if let overview { bytes.writeImmutableBuffer(overview) }
        if let trouble { bytes.writeImmutableBuffer(trouble) }
        if let farewell { bytes.writeImmutableBuffer(farewell) }
        (greeting, overview, trouble, missed, farewell) = (nil, nil, nil, 0, nil)
        operations.removeAll(keepingCapacity: true)
        return bytes
    }
}
