import AgentBackend
import NIOCore
import Testing

@testable import BrokerServer

@Suite struct BackgroundOutputTests {
    private typealias Output = BackgroundOutput<Int>

    private static let exited = ExecEnd(outcome: .exited(code: 3), usage: ExecEnd.Usage(wall: .seconds(1)))

    private func attach(_ output: inout Output, _ offsets: StreamOffsets = .beginning) throws -> Output.ReaderID {
        let reader = output.attach(from: offsets, maximum: .max)
        return try #require(reader)
    }

    private func write(_ text: String, _ stream: CommandStream, _ output: inout Output) -> [Int] {
        output.wrote(ByteBuffer(string: text), to: stream)
    }

    private func waits(_ reader: Output.ReaderID, _ waiter: Int, _ output: inout Output) -> Bool {
        !output.wait(reader, waiter)
    }

    private func end(_ output: inout Output, _ end: ExecEnd = Self.exited) -> [Int] { output.ended(end) }

    @Test func eachReaderReadsFromItsOwnOffset() throws {
        var output = Output(capacity: 8)
        _ = output.wrote(ByteBuffer(string: "abcdef"), to: .standardOutput)
        let first = try attach(&output)
        let second = try attach(&output, StreamOffsets(standardOutput: 4))
        #expect(taken(&output, first, 3) == "out@0 abc")
        #expect(taken(&output, second, 9) == "out@4 ef")
        #expect(taken(&output, second, 9) == nil)
        #expect(taken(&output, first, 9) == "out@3 def")
    }

    @Test func aReaderThatWasTooSlowIsToldWhatItMissed() throws {
        var output = Output(capacity: 4)
        let reader = try attach(&output, StreamOffsets(standardOutput: 1))
        _ = output.wrote(ByteBuffer(string: "0123456789"), to: .standardOutput)
        #expect(taken(&output, reader, 9) == "gap out 1..<6")
        #expect(taken(&output, reader, 9) == "out@6 6789")
        _ = output.ended(Self.exited)
        #expect(taken(&output, reader, 9) == "end")
        #expect(taken(&output, reader, 9) == "end")
    }

    @Test func bothStreamsHaveTheirTurns() throws {
        var output = Output(capacity: 8)
        _ = output.wrote(ByteBuffer(string: "ab"), to: .standardOutput)
        _ = output.wrote(ByteBuffer(string: "xy"), to: .standardError)
        let reader = try attach(&output)
        let order = (0..<4).map { _ in taken(&output, reader, 1) }
        #expect(order == ["out@0 a", "err@0 x", "out@1 b", "err@1 y"])
    }

    @Test func onlyThoseAreWokenThatHaveSomethingNow() throws {
        var output = Output(capacity: 8)
        let here = try attach(&output)
        let ahead = try attach(&output, StreamOffsets(standardOutput: 5, standardError: .max))
        #expect(waits(here, 1, &output) && waits(ahead, 2, &output))
        #expect(write("abc", .standardOutput, &output) == [1])
        #expect(write("abc", .standardError, &output) == [])
        #expect(write("def", .standardOutput, &output) == [2])
        #expect(taken(&output, ahead, 9) == "out@5 f")
        #expect(waits(ahead, 3, &output))
        #expect(end(&output) == [3])
        #expect(!waits(ahead, 4, &output))
        #expect(end(&output, ExecEnd(outcome: .cancelled, usage: Self.exited.usage)) == [])
        #expect(output.end == Self.exited)
    }

    @Test func whoWaitsNoMoreIsNotWoken() throws {
        var output = Output(capacity: 8)
        let (first, second) = (try attach(&output), try attach(&output))
        #expect(waits(first, 1, &output) && waits(second, 2, &output))
        let woken = [output.cancelWait(first), output.cancelWait(first), output.detach(second)]
        #expect(woken == [1, nil, 2])
        #expect(write("a", .standardOutput, &output) == [])
    }

    @Test func thereAreNoMoreReadersThanMayBe() throws {
        var output = Output(capacity: 8)
        let first = try attach(&output)
        let second = output.attach(from: .beginning, maximum: 1)
        _ = output.detach(first)
        let third = output.attach(from: .beginning, maximum: 1)
        #expect(second == nil && third != nil)
        #expect(output.readerCount == 1)
    }

    @Test func outputThatIsKeptNoMoreIsAGap() throws {
        var output = Output(capacity: 8)
        _ = output.wrote(ByteBuffer(string: "abc"), to: .standardError)
        _ = output.ended(Self.exited)
        output.dropOutput()
        let reader = try attach(&output, StreamOffsets(standardError: 1))
        #expect(output.keptCount == 0 && output.ends.standardError == 3)
        #expect(taken(&output, reader, 9) == "gap err 1..<3")
        #expect(taken(&output, reader, 9) == "end")
    }

    @Test func whoMayTakeNoBytesIsToldOfGapsAndTheEnd() throws {
        var output = Output(capacity: 2)
        _ = output.wrote(ByteBuffer(string: "abc"), to: .standardOutput)
        _ = output.ended(Self.exited)
        let reader = try attach(&output)
        #expect(taken(&output, reader, 0) == "gap out 0..<1")
        #expect(taken(&output, reader, 0) == nil)
        #expect(taken(&output, reader, 2) == "out@1 bc")
        #expect(taken(&output, reader, 0) == "end")
    }

    /// Readers that come, read, fall behind and go, while both streams are written, against all that was ever written:
    /// whatever a reader does not get, it is told of, and nothing comes twice.
    @Test(arguments: 0..<40)
    func everyByteIsReadOrToldToBeMissing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = [1, 3, 16, 100].randomElement(using: &random) ?? 1
        var output = Output(capacity: capacity)
        var written: [CommandStream: [UInt8]] = [.standardOutput: [], .standardError: []]
        var readers: [Output.ReaderID: [CommandStream: [UInt8?]]] = [:]
        var waiting: Set<Int> = []
        for step in 0..<400 {
            let reader = readers.keys.sorted().randomElement(using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let stream: CommandStream = Bool.random(using: &random) ? .standardOutput : .standardError
                let bytes = (0..<Int.random(in: 0...capacity * 2, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                written[stream]? += bytes
                for waiter in output.wrote(ByteBuffer(bytes: bytes), to: stream) {
                    #expect(waiting.remove(waiter) != nil)
                }
            case 4:
                let offsets = StreamOffsets(
                    standardOutput: UInt64.random(in: 0...UInt64(written[.standardOutput]?.count ?? 0), using: &random),
                    standardError: UInt64.random(in: 0...UInt64(written[.standardError]?.count ?? 0), using: &random)
                )
                guard let reader = output.attach(from: offsets, maximum: 5) else {
                    #expect(readers.count == 5)
                    continue
                }
                readers[reader] = Dictionary(
                    uniqueKeysWithValues: CommandStream.allCases.map { stream in
                        (stream, (written[stream] ?? []).prefix(Int(offsets[stream])).map { $0 })
                    }
                )
            case 5:
                guard let reader, readers.count > 2 else { continue }
                if let waiter = output.detach(reader) { waiting.remove(waiter) }
                readers[reader] = nil
            case 6:
                guard let reader else { continue }
                if let waiter = output.cancelWait(reader) { #expect(waiting.remove(waiter) != nil) }
                if !output.wait(reader, step) { waiting.insert(step) }
            default:
                guard let reader else { continue }
                let piece = output.take(reader, upTo: Int.random(in: 1...9, using: &random))
                readers[reader]?.add(piece)
            }
        }
        for waiter in output.ended(Self.exited) { #expect(waiting.remove(waiter) != nil) }
        #expect(waiting.isEmpty)
        for reader in readers.keys {
            while let piece = output.take(reader, upTo: 7) {
                if case .end = piece { break }
                readers[reader]?.add(piece)
            }
            for stream in CommandStream.allCases {
                let (all, read) = (written[stream] ?? [], readers[reader]?[stream] ?? [])
                #expect(read.count == all.count)
                #expect(zip(read, all).allSatisfy { $0 == nil || $0 == $1 })
                // What was there when it read for the last time.
                #expect(read.suffix(min(capacity, all.count)).allSatisfy { $0 != nil })
            }
        }
    }

    private func taken(_ output: inout Output, _ reader: Output.ReaderID, _ count: Int) -> String? {
        func name(_ stream: CommandStream) -> String { stream == .standardOutput ? "out" : "err" }
        switch output.take(reader, upTo: count) {
        case .output(let stream, let offset, let bytes): return "\(name(stream))@\(offset) \(String(buffer: bytes))"
        case .gap(let stream, let missing): return "gap \(name(stream)) \(missing)"
        case .end: return "end"
        case nil: return nil
        }
    }
}

extension [CommandStream: [UInt8?]] {
    /// What a reader has by now; nil for each byte that it was told to be missing.
    fileprivate mutating func add(_ piece: BackgroundOutput<Int>.Piece?) {
        switch piece {
        case .output(let stream, let offset, let bytes):
            #expect(self[stream]?.count == Int(offset))
            #expect(bytes.readableBytes > 0)
            self[stream]? += bytes.readableBytesView.map { $0 }
        case .gap(let stream, let missing):
            #expect(self[stream]?.count == Int(missing.lowerBound))
            #expect(!missing.isEmpty)
            self[stream]? += missing.map { _ in nil }
        case .end:
            Issue.record("it has not ended")
        case nil:
            break
        }
    }
}
