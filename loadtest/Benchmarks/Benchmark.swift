internal import AgentBackend
internal import BackendPool
internal import BrokerTestKit
internal import BrokerWire
internal import NIOCore
internal import NIOPosix

/// Does one small thing so many times: for valgrind, which counts the instructions. `loadtest/Benchmarks/check` runs all
/// of them, and compares with the thresholds that lie beside it.
@main
enum Benchmark {
    private typealias Work = @Sendable (Int) async throws -> Void

    /// Nil: no such thing.
    private static func work(_ name: String) throws -> Work? {
        switch name {
        case "decode-echo": decoding(try echo())
        case "decode-write-4k": decoding(try write())
        case "encode-echo":
            encoding(ServerFrame(id: 1000, body: .reply(.echo), payload: ByteBuffer(repeating: 7, count: 25)))
        case "encode-read-4k": encoding(try read())
        case "path":
            { count in
                for _ in 0..<count { _ = try WorkspacePath("src/module/file.swift") }
            }
        case "pool-hit": poolHits
        case "call-echo": { try await calls($0, .echo) }
        case "call-stat": { try await calls($0, .stat(Stat(path: Array("file".utf8)))) }
        default: nil
        }
    }

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count >= 0, let work = try work(arguments[1])
        else {
            throw BackendError(.invalidArgument, message: "usage: benchmark NAME COUNT, with a NAME of thresholds")
        }
        // Not in an asynchronous `main`, whose way to wait for its end valgrind does not survive.
        try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask { try await work(count) }.wait()
    }

    // MARK: Codec

    private static func echo() throws -> ByteBuffer {
        try encoded(
            ClientFrame(
                id: 1000,
                target: Target(backend: .memory, key: "load-0"),
                body: .call(.echo),
                payload: ByteBuffer(repeating: 7, count: 25)
            )
        )
    }

    private static func write() throws -> ByteBuffer {
        try encoded(
            ClientFrame(
                id: 1000,
                target: Target(key: "load-0"),
                body: .call(.write(Write(path: Array("src/module/file.swift".utf8)))),
                payload: ByteBuffer(repeating: 7, count: 4096)
            )
        )
    }

    private static func read() throws -> ServerFrame {
        let info = FileInfo(kind: .regular, size: 4096, modifiedNanoseconds: 1, permissions: 0o644)
        return ServerFrame(id: 1000, body: .reply(.read(info)), payload: ByteBuffer(repeating: 7, count: 4096))
    }

    /// The message alone, without its header.
    private static func encoded(_ frame: ClientFrame) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        if var payload = ClientFrameEncoder().encode(frame, into: &bytes) { bytes.writeBuffer(&payload) }
        bytes.moveReaderIndex(forwardBy: FrameHeader.length)
        return bytes.slice()
    }

    private static func decoding(_ message: ByteBuffer) -> Work {
        { count in
            let decoder = ClientFrameDecoder()
            for _ in 0..<count { _ = try decoder.decode(message) }
        }
    }

    private static func encoding(_ frame: ServerFrame) -> Work {
        { count in
            let encoder = ServerFrameEncoder()
            var out = ByteBuffer()
            out.reserveCapacity(16 << 10)
            for _ in 0..<count {
                out.clear()
                _ = encoder.encode(frame, into: &out)
            }
        }
    }

    // MARK: Pool

    private typealias Pool = BackendPoolManager<BenchmarkEntry, BenchmarkConfiguration, MonotonicClock>

    /// Acquire and release of keys in turn, each of which has its entry.
    private static func poolHits(_ count: Int) async throws {
        let keys = 10
        let pool = try Pool(
            configuration: PoolConfiguration(),
            defaultConfiguration: BenchmarkConfiguration(),
            clock: MonotonicClock()
        ) { _, _ in BenchmarkEntry() }
        let all = (0..<keys).map { PoolKey(org: OrgID($0 % 2), type: .memory, name: "load-\($0)") }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await pool.run() }
            for key in all { _ = try await pool.withEntry(key) { $0 } }
            for number in 0..<count {
                guard let lease = pool.tryAcquire(all[number % keys]) else {
                    throw BackendError(.internal, message: "no hit")
                }
                pool.release(lease.id)
            }
            group.cancelAll()
        }
    }

    // MARK: Router

    /// Calls through a broker in this process, one after the other: frames, session, router, pool, backend and back.
    private static func calls(_ count: Int, _ operation: Operation) async throws {
        try await withBroker { broker in
            let client = try await RawWireClient.connect(to: .unix(path: broker.unixSocket))
            let target = Target(backend: .memory, key: "load-0")
            try await client.send(
                ClientFrame(id: 0, body: .hello(Hello(token: broker.token(), clientName: "benchmark")))
            )
            guard case .helloReply = try await client.next(of: 0)?.body else {
                throw BackendError(.internal, message: "no hello")
            }
            let contents = ByteBuffer(repeating: 7, count: 25)
            let write = Operation.write(Write(path: Array("file".utf8)))
            try await answered(
                ClientFrame(id: 1, target: target, last: true, body: .call(write), payload: contents),
                client
            )
            for number in 0..<UInt64(count) {
                try await answered(ClientFrame(id: 2 + number, target: target, body: .call(operation)), client)
            }
            await client.close()
        }
    }

    private static func answered(_ frame: ClientFrame, _ client: RawWireClient) async throws {
        try await client.send(frame)
        guard let answer = try await client.next(of: frame.id), case .reply = answer.body else {
            throw BackendError(.internal, message: "a call was refused")
        }
    }
}

/// Does nothing, so that the pool alone is counted.
private final class BenchmarkEntry: PooledEntry {
    var isUsable: Bool { true }
    func destroy() async {}
}

private struct BenchmarkConfiguration: PooledConfiguration {
    func merging(_ overrides: BenchmarkConfiguration) -> BenchmarkConfiguration { self }
}
