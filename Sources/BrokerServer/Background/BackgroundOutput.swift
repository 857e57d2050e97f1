internal import AgentBackend
internal import NIOCore

/// What a background command wrote last, how it ended, and who reads it from where.
///
/// A value without task, lock or clock. What is written is taken at once, whoever reads: a reader that was too slow is
/// told of the bytes that it missed. `Waiter` is whoever waits for more, at most one per reader; the driver wakes those
/// that it is handed.
struct BackgroundOutput<Waiter: Sendable>: Sendable {
    typealias ReaderID = UInt64

    /// What a reader gets.
    enum Piece: Sendable {
        /// Bytes, the first of which is that at the offset.
        case output(CommandStream, offset: UInt64, ByteBuffer)
        /// Bytes that are kept no more.
        case gap(CommandStream, Range<UInt64>)
        /// All that was written came before, or was told to be missing.
        case end(ExecEnd)
    }

    private struct Reader: Sendable {
        /// Of each stream the next byte.
        var next: StreamOffsets
        /// Whose turn it is, where both streams have something.
        var preferred = CommandStream.standardOutput
        var waiter: Waiter?
    }

    private var output: OutputRing
    private var error: OutputRing
    private(set) var end: ExecEnd?
    private var readers: [ReaderID: Reader] = [:]
    private var lastReader: ReaderID = 0

    /// `capacity`: bytes that are kept of each stream.
    init(capacity: Int) {
        output = OutputRing(capacity: capacity)
        error = OutputRing(capacity: capacity)
    }

    // MARK: Events of the command

    /// Returns who is to be woken.
    mutating func wrote(_ bytes: ByteBuffer, to stream: CommandStream) -> [Waiter] {
        guard bytes.readableBytes > 0 else { return [] }
        switch stream {
        case .standardOutput: output.append(bytes)
        case .standardError: error.append(bytes)
        }
        let end = ring(stream).end
        return takeWaiters { $0.next[stream] < end }
    }

    /// Nothing more is written. Returns who is to be woken. Only the first end counts.
    mutating func ended(_ end: ExecEnd) -> [Waiter] {
        guard self.end == nil else { return [] }
        self.end = end
        return takeWaiters { _ in true }
    }

    /// Keeps nothing of the output, to whose end every reader will have a gap. For one that has ended.
    mutating func dropOutput() {
        output.removeAll()
        error.removeAll()
    }

    // MARK: Events of readers

    /// A reader that begins at these offsets. One before what is kept begins with a gap; one beyond what was written
    /// gets what is written from there on. Nil: there are `maximum` already.
    mutating func attach(from offsets: StreamOffsets, maximum: Int) -> ReaderID? {
        guard readers.count < maximum else { return nil }
        lastReader += 1
        readers[lastReader] = Reader(next: offsets)
        return lastReader
    }

    /// Returns who waits, to be woken.
    mutating func detach(_ reader: ReaderID) -> Waiter? {
        readers.removeValue(forKey: reader)?.waiter
    }

    /// True: ``take(_:upTo:)`` has something. Else `waiter` is kept until it has.
    mutating func wait(_ reader: ReaderID, _ waiter: Waiter) -> Bool {
        guard let known = readers[reader], end == nil, !CommandStream.allCases.contains(where: { has($0, for: known) })
        else { return true }
        readers[reader]?.waiter = waiter
        return false
    }

    /// Whoever waits for the reader waits no more. Nil: it was woken before.
    mutating func cancelWait(_ reader: ReaderID) -> Waiter? {
        guard let waiter = readers[reader]?.waiter else { return nil }
        readers[reader]?.waiter = nil
        return waiter
    }

    /// The next piece for a reader, with at most `count` bytes; nil: there is none yet. With `count` 0: only a gap or
    /// the end. After the end, the end again.
    mutating func take(_ reader: ReaderID, upTo count: Int) -> Piece? {
        guard var known = readers[reader] else { return end.map { .end($0) } }
        for stream in [known.preferred, known.preferred.other] where has(stream, for: known) {
            let (ring, next) = (ring(stream), known.next[stream])
            defer { readers[reader] = known }
            guard next >= ring.start else {
                known.next[stream] = ring.start
                return .gap(stream, next..<ring.start)
            }
            guard count > 0 else { return nil }
            let bytes = ring.bytes(from: next, upTo: count)
            known.next[stream] += UInt64(bytes.readableBytes)
            known.preferred = stream.other
            return .output(stream, offset: next, bytes)
        }
        return end.map { .end($0) }
    }

    // MARK: Looks from outside

    var readerCount: Int { readers.count }

    /// Bytes that are kept.
    var keptCount: Int { output.count + error.count }

    /// The first byte of each stream that is kept.
    var starts: StreamOffsets { StreamOffsets(standardOutput: output.start, standardError: error.start) }

    /// Bytes that were written to each stream in all.
    var ends: StreamOffsets { StreamOffsets(standardOutput: output.end, standardError: error.end) }

    // MARK: Parts

    private func ring(_ stream: CommandStream) -> OutputRing {
        switch stream {
        case .standardOutput: output
        case .standardError: error
        }
    }

    private func has(_ stream: CommandStream, for reader: Reader) -> Bool { reader.next[stream] < ring(stream).end }

    private mutating func takeWaiters(where isReady: (Reader) -> Bool) -> [Waiter] {
        let ready = readers.filter { $0.value.waiter != nil && isReady($0.value) }
        for id in ready.keys { readers[id]?.waiter = nil }
        return ready.values.compactMap(\.waiter)
    }
}

extension CommandStream {
    fileprivate var other: CommandStream { self == .standardOutput ? .standardError : .standardOutput }
}
