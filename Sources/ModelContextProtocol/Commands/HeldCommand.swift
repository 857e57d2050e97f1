internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// A command that goes on after the call that started it, and can be typed at: takes what it writes, whoever reads, and
/// keeps the last of it and its end. Safe to use from any thread.
final class HeldCommand: Sendable {
    private struct State {
        var output: OutputRing
        var error: OutputRing
        var end: ExecEnd?
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter: UInt64 = 0

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    /// What it wrote, from an offset on, as far as it is kept.
    struct Piece: Sendable {
        var bytes: ByteBuffer
        /// Bytes that are kept no more, before these.
        var missing: UInt64
        /// Where to read on.
        var next: UInt64
    }

    let id: UInt64
    /// What is run, for who lists it.
    let line: [UInt8]
    let startedNanoseconds: Int64
    private let command: any CommandExecution
    private let state: Mutex<State>

    /// `capacity`: bytes that are kept of each stream.
    init(id: UInt64, _ command: any CommandExecution, line: [UInt8], startedNanoseconds: Int64, capacity: Int) {
        self.id = id
        self.command = command
        self.line = Array(line.prefix(BackgroundCommandInfo.maximumCommandLength))
        self.startedNanoseconds = startedNanoseconds
        state = Mutex(State(output: OutputRing(capacity: capacity), error: OutputRing(capacity: capacity)))
    }

    var isolation: String { command.isolation }

    /// Nil: it runs.
    var end: ExecEnd? { state.withLock(\.end) }

    /// Bytes that were written to each stream.
    var written: StreamOffsets {
        state.withLock { StreamOffsets(standardOutput: $0.output.end, standardError: $0.error.end) }
    }

    /// Takes what it writes until nothing of it is left. Cancelling the task ends the command. Called once.
    func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Bool.self) { group in
                for stream in CommandStream.allCases {
                    group.addTask { await self.keepOutput(of: stream) }
                }
                for await isWhole in group where !isWhole { command.terminate() }
            }
        } onCancel: {
            command.terminate()
        }
        let end = await command.waitForEnd()
        let waiters = state.withLock { state in
            state.end = end
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// False: it could not be read to its end. Why a program was not run is told by the command's end.
    private func keepOutput(of stream: CommandStream) async -> Bool {
        do throws(BackendError) {
            while let bytes = try await command.readOutput(stream, upTo: 64 << 10) {
                let waiters = state.withLock { state in
                    switch stream {
                    case .standardOutput: state.output.append(bytes)
                    case .standardError: state.error.append(bytes)
                    }
                    return state.takeWaiters()
                }
                for waiter in waiters { waiter.resume() }
            }
            return true
        } catch {
            return false
        }
    }

    /// At most `count` bytes of a stream, from an offset on.
    func read(_ stream: CommandStream, from offset: UInt64, upTo count: Int) -> Piece {
        state.withLock { state in
            let ring = stream == .standardOutput ? state.output : state.error
            let start = min(max(offset, ring.start), ring.end)
            var bytes = ring.bytes(from: start, upTo: count)
            // The rest of a character may be on its way.
            if state.end == nil || start + UInt64(bytes.readableBytes) < ring.end { bytes.dropPartOfCharacter() }
            return Piece(
                bytes: bytes,
                missing: start > offset ? start - offset : 0,
                next: start + UInt64(bytes.readableBytes)
            )
        }
    }

    /// Returns once it wrote beyond one of these offsets, or has ended, or the task was cancelled.
    func waitForMore(than offsets: StreamOffsets) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if Task.isCancelled || state.end != nil || state.output.end > offsets.standardOutput
                        || state.error.end > offsets.standardError
                    {
                        return true
                    }
                    state.waiters[id] = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Waits until the command took all of it. Bytes for one that has ended are dropped.
    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        guard end == nil else { return }
        try await command.writeInput(bytes)
    }

    func closeInput() {
        command.closeInput()
    }

    /// Of one that has ended: nothing happens.
    func signal(_ number: Int32) async throws(BackendError) {
        guard end == nil else { return }
        try await command.signal(number)
    }

    /// Ends its whole tree: SIGTERM, a grace, SIGKILL. Does not wait; idempotent.
    func terminate() {
        command.terminate()
    }

    /// Returns when nothing of it is left. Ended by cancelling the task as well: then nil.
    func waitForEnd() async -> ExecEnd? {
        while true {
            if let end { return end }
            if Task.isCancelled { return nil }
            await waitForMore(than: written)
        }
    }
}

extension ByteBuffer {
    /// Without the bytes at its end that begin a character of UTF-8 and do not finish it.
    fileprivate mutating func dropPartOfCharacter() {
        let tail = readableBytesView.suffix(3)
        guard let start = tail.lastIndex(where: { $0 & 0xc0 != 0x80 }) else { return }
        let length =
            switch tail[start] {
            case 0xc2..<0xe0: 2
            case 0xe0..<0xf0: 3
            case 0xf0..<0xf5: 4
            default: 1
            }
        let there = tail.distance(from: start, to: tail.endIndex)
        if there < length { moveWriterIndex(to: writerIndex - there) }
    }
}
