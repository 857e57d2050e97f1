import AgentBackend
import CBrokerProtos
import CProtobufC
import NIOCore
import Testing
import WireFuzzing

@testable import BrokerWire

/// What no honest client sends. Nothing of it may cost more than its length allows, nor touch another call.
@Suite struct HostileMessageTests {
    private let id = Protobuf.number(ClientField.id, 5)
    private let echo = Protobuf.bytes(ClientField.echo, [])

    private func decode(_ bytes: [UInt8]) throws(FrameFault) -> ClientFrame {
        try ClientFrameDecoder().decode(ByteBuffer(bytes: bytes))
    }

    private func fault(_ bytes: [UInt8]) -> FrameFault? {
        do throws(FrameFault) {
            _ = try decode(bytes)
            return nil
        } catch {
            return error
        }
    }

    // MARK: What a newer client sends

    @Test func unknownFieldsAreIgnored() throws {
        let unknown =
            Protobuf.number(1000, 7) + Protobuf.bytes(1001, [1, 2, 3]) + Protobuf.tag(1002, wireType: 1)
            + [UInt8](repeating: 0, count: 8) + Protobuf.tag(1003, wireType: 5) + [0, 0, 0, 0]
        let read = Protobuf.bytes(ClientField.read, Protobuf.bytes(1, [0x70]) + unknown)
        let frame = try decode(unknown + id + unknown + read + unknown + Protobuf.payload([1]))
        guard case .call(.read(let read)) = frame.body else {
            Issue.record("\(frame.body)")
            return
        }
        #expect(frame.id == 5)
        #expect(read.path == [0x70])
        #expect(frame.payload.array == [1])
    }

    @Test func anUnknownOperationKeepsItsID() throws {
        let frame = try decode(id + Protobuf.bytes(999, []))
        #expect(frame.id == 5)
        guard case .unknown = frame.body else {
            Issue.record("\(frame.body)")
            return
        }
    }

    @Test func ofTwoOperationsTheLastCounts() throws {
        let frame = try decode(id + Protobuf.bytes(ClientField.read, Protobuf.bytes(1, [0x70])) + echo)
        guard case .call(.echo) = frame.body else {
            Issue.record("\(frame.body)")
            return
        }
    }

    @Test func ofSeveralOperationsTheLastCounts() throws {
        let read = Protobuf.bytes(ClientField.read, Protobuf.bytes(1, [0x70]))
        let unknown = Protobuf.bytes(999, [])
        for message in [echo + read + echo + read, echo + unknown + read, read + echo + read + unknown, read + read] {
            let frame = try decode(id + message)
            guard case .call(.read(let read)) = frame.body else {
                Issue.record("\(frame.body)")
                continue
            }
            #expect(read.path == [0x70])
        }
    }

    @Test func unknownValuesOfEnumerationsAreRefusedForTheirCall() {
        let messages = [
            Protobuf.bytes(ClientField.write, Protobuf.number(2, 3)),
            Protobuf.bytes(ClientField.write, Protobuf.number(4, 3)),
            Protobuf.bytes(ClientField.target, Protobuf.number(1, 4)) + echo,
            Protobuf.bytes(ClientField.acquire, Protobuf.bytes(1, Protobuf.number(2, 3))),
        ]
        for message in messages {
            let fault = fault(id + message)
            #expect(fault?.id == 5)
            #expect(fault?.error.code == .invalidArgument)
        }
    }

    /// What a terminal's 16 bits do not hold is not cut to them.
    @Test(arguments: [(0, 80), (24, 0), (65_536, 80), (24, 65_536), (UInt64(UInt32.max), 1)] as [(UInt64, UInt64)])
    func sizesThatNoTerminalHasAreRefusedForTheirCall(rows: UInt64, columns: UInt64) {
        let size = Protobuf.number(1, rows) + Protobuf.number(2, columns)
        let messages = [
            Protobuf.bytes(ClientField.execStart, Protobuf.text(1, "true") + Protobuf.bytes(16, size)),
            Protobuf.bytes(ClientField.execResize, Protobuf.number(3, rows) + Protobuf.number(4, columns)),
        ]
        for message in messages {
            let fault = fault(id + message)
            #expect(fault?.id == 5)
            #expect(fault?.error.code == .invalidArgument)
        }
    }

    @Test func unknownFeaturesAreKept() throws {
        let frame = try decode(
            id + Protobuf.bytes(ClientField.requires, Protobuf.varint(1) + Protobuf.varint(4_000)) + echo
        )
        #expect(frame.options.special?.requires == [1, 4_000])
    }

    // MARK: Text

    static let brokenTexts: [[UInt8]] = [
        [0x61, 0, 0x62], [0], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80],
        Array("ok".utf8) + [0],
    ]

    @Test(arguments: brokenTexts)
    func textWithNULOrInvalidUTF8IsRefusedForItsCall(text: [UInt8]) {
        let messages = [
            Protobuf.bytes(ClientField.target, Protobuf.bytes(2, text)) + echo,
            Protobuf.bytes(ClientField.traceparent, text) + echo,
            Protobuf.bytes(ClientField.idempotencyKey, text) + echo,
        ]
        for message in messages {
            let fault = fault(id + message)
            #expect(fault?.id == 5)
            #expect(fault?.error.code == .invalidArgument)
        }
        let hello = fault(Protobuf.bytes(ClientField.hello, Protobuf.bytes(3, text)))
        #expect(hello?.id == nil)
        #expect(hello?.error.code == .invalidArgument)
    }

    @Test func bytesMayHoldAnything() throws {
        let path: [UInt8] = [0, 0xff, 0xc3]
        let frame = try decode(id + Protobuf.bytes(ClientField.read, Protobuf.bytes(1, path)))
        guard case .call(.read(let read)) = frame.body else {
            Issue.record("\(frame.body)")
            return
        }
        #expect(read.path == path)
    }

    /// U+FFFD must not stand for what was there: two keys would become one.
    @Test func replacementCharactersAreKeptApart() throws {
        let frame = try decode(id + Protobuf.bytes(ClientField.target, Protobuf.text(2, "a\u{fffd}")) + echo)
        #expect(frame.target?.key == "a\u{fffd}")
    }

    // MARK: Bombs

    /// Two bytes each, and up to 44 times that in memory.
    static let bombs: [(name: String, bytes: [UInt8])] = {
        let count = (1 << 19) - 100
        let pairs = { (field: UInt64) in Array(repeatElement(Protobuf.bytes(field, []), count: count).joined()) }
        return [
            ("environment", Protobuf.bytes(ClientField.execStart, pairs(3))),
            ("arguments", Protobuf.bytes(ClientField.execStart, Protobuf.bytes(2, pairs(1)))),
            ("unknown fields", Array(repeatElement(Protobuf.bytes(15, []), count: count).joined())),
            ("unknown fields within", Protobuf.bytes(ClientField.read, pairs(9))),
            ("entry environment", Protobuf.bytes(ClientField.acquire, Protobuf.bytes(1, pairs(1)))),
            (
                "numbers one by one",
                Array(repeatElement(Protobuf.number(ClientField.requires, 1), count: count).joined())
            ),
            (
                "one message again and again",
                Array(repeatElement(Protobuf.bytes(ClientField.target, []), count: count).joined())
            ),
        ]
    }()

    @Test(arguments: bombs.map(\.name))
    func theBudgetStopsBombs(name: String) throws {
        let bytes = try #require(Self.bombs.first { $0.name == name }).bytes
        let arena = WireArena()
        let message = ByteBuffer(bytes: id + bytes)
        // Whether it is refused or not: it costs no more than the budget.
        let spent = try? MessageCodec.decode(message, maximumHeadLength: 1 << 20, arena: arena) { head, _ in
            let frame = FrameViews.client.unpack(head, as: Agentbroker__V1__ClientFrame.self)
            let arena = UnsafeMutableRawPointer(head.allocator).assumingMemoryBound(to: wire_arena.self)
            #expect(wire_arena_held(arena) <= 2 * MessageCodec.budget(headLength: head.bytes.count) + (40 << 10))
            return frame == nil
        }
        #expect(spent != nil)
        // Nothing of it is kept for as long as the connection is idle.
        #expect(arena.heldBytes <= 8 << 10)
    }

    @Test func theWorstBombsAreRefused() {
        for (name, bytes) in Self.bombs where !["numbers one by one"].contains(name) {
            let fault = fault(id + bytes)
            #expect(fault?.id == 5, "\(name)")
            #expect(fault?.error.code == .protocolError, "\(name)")
        }
    }

    @Test func theHeadHasALimitAndThePayloadHasNot() throws {
        let path = { (count: Int) in
            Protobuf.bytes(ClientField.read, Protobuf.bytes(1, Array(repeating: 0x61, count: count)))
        }
        let overhead = (id + path(1000)).count - 1000
        let decoder = ClientFrameDecoder(maximumHeadLength: 1000 + overhead)
        for payload in [[], Protobuf.payload(Array(repeating: 1, count: 5000))] {
            #expect(throws: Never.self) { try decoder.decode(ByteBuffer(bytes: id + path(1000) + payload)) }
            let fault = #expect(throws: FrameFault.self) {
                try decoder.decode(ByteBuffer(bytes: id + path(1001) + payload))
            }
            #expect(fault?.id == 5)
            #expect(fault?.error.code == .protocolError)
            #expect(fault?.error.reason == .tooLarge)
            #expect(
                fault?.error.limit
                    == LimitDetails(name: "head_bytes", used: UInt64(1001 + overhead), allowed: UInt64(1000 + overhead))
            )
        }
    }

    // MARK: Garbage

    @Test func whatIsNoMessageNamesItsCallWhereThatCanBeRead() {
        let faults: [([UInt8], UInt64?)] = [
            (id + [0x08], 5),
            (id + Protobuf.tag(900, wireType: 3), 5),
            (id + Protobuf.tag(900, wireType: 6), 5),
            (id + Protobuf.tag(ClientField.read, wireType: 2) + [100], 5),
            (id + Protobuf.tag(ClientField.read, wireType: 2) + Protobuf.varint(.max), 5),
            (id + Protobuf.bytes(ClientField.read, [0x0a, 0x7f]), 5),
            (id + Protobuf.number(ClientField.read, 1), 5),
            (id + [UInt8](repeating: 0xff, count: 11), 5),
            ([0xff], nil),
            (Protobuf.bytes(ClientField.id, [1]), nil),
            (Protobuf.bytes(ClientField.read, [0x0a, 0x7f]), nil),
        ]
        for (bytes, id) in faults {
            let fault = fault(bytes)
            #expect(fault != nil, "\(bytes)")
            #expect(fault?.id == id, "\(bytes)")
            #expect(fault?.error.code == .protocolError, "\(bytes)")
        }
    }

    @Test func everyPrefixOfAMessageIsTakenOrRefused() throws {
        for (_, frame) in try Samples.client() {
            let bytes = message(of: frame).array
            for count in 0..<bytes.count {
                // Neither crashes nor reads on; some prefixes are messages.
                _ = fault(Array(bytes.prefix(count)))
            }
        }
    }

    @Test func anEmptyMessageIsOneOfTheConnection() throws {
        let frame = try decode([])
        #expect(frame.id == 0)
    }

    /// What a refused message carried is still counted against the caller's credit.
    @Test func aFaultTellsHowLongThePayloadWas() {
        let broken = Protobuf.bytes(ClientField.target, Protobuf.bytes(2, [0xff]))
        #expect(fault(id + broken + Protobuf.payload(Array(repeating: 1, count: 99)))?.payloadLength == 99)
        #expect(fault(id + broken)?.payloadLength == 0)
        let malformed = Protobuf.payload(Array(repeating: 1, count: 99)) + [0xff]
        #expect(fault(id + malformed)?.payloadLength == 99)
    }
}
