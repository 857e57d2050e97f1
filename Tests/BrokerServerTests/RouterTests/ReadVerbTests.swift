import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite struct ReadVerbTests {
    /// What is recorded of a read is what was read, in however many pieces.
    @Test(
        arguments: [
            (ReadRange.all, 600_000), (ReadRange(offset: 100_000), 500_000),
            (ReadRange(offset: 1, length: 300_000), 300_000),
            (ReadRange(offset: 599_999, length: 7), 1), (ReadRange(offset: 600_001), 0),
        ] as [(ReadRange, UInt64)]
    )
    func tellsHowManyBytesWereRead(range: ReadRange, expected: UInt64) async throws {
        let backend = MemoryBackend()
        let path = try WorkspacePath("f")
        try await backend.write(path, ByteBuffer(repeating: 1, count: 600_000), options: WriteOptions())
        let answer = try await Read(path: path.bytes, range: range).perform(on: backend, TakingStream())
        #expect(answer.streamedBytes == expected)
    }
}

/// A caller that takes whatever it is sent.
private struct TakingStream: CallStream {
    func receive() async throws(BackendError) -> ByteBuffer? { nil }

    func leaveConnectionCredit() {}

    func reserve(upTo count: Int) async throws(BackendError) -> Int { count }

    func send(_ reply: Reply?, payload: ByteBuffer) async throws(BackendError) {}

    func keepSlot() -> HeldSlot? { nil }

    func cancel(_ error: BackendError) {}
}
