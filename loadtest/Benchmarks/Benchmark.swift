internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import NIOCore
internal import NIOPosix

/// Does one small thing so many times: for valgrind, which counts the instructions. `loadtest/Benchmarks/check` runs all
/// of them, and compares with the thresholds that lie beside it.
@main
enum Benchmark {
    /// Nil: no such thing.
    private static func work(_ name: String) throws -> ((Int) throws -> Void)? {
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
        case "pool-hit-10": try poolHits(10)
        case "pool-hit-10000": try poolHits(10_000)
        default: nil
        }
    }

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count >= 0, let work = try work(arguments[1])
        else {
            throw BackendError(.invalidArgument, message: "usage: benchmark NAME COUNT, with a NAME of thresholds")
        }
        try work(count)
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

    private static func decoding(_ message: ByteBuffer) -> (Int) throws -> Void {
        { count in
            let decoder = ClientFrameDecoder()
            for _ in 0..<count { _ = try decoder.decode(message) }
        }
    }

    private static func encoding(_ frame: ServerFrame) -> (Int) throws -> Void {
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
    private static func poolHits(_ keys: Int) throws -> (Int) throws -> Void {
        var configuration = PoolConfiguration()
        configuration.maxEntries = keys
        configuration.maxEntriesPerOrg = keys
        let pool = try Pool(
            configuration: configuration,
            defaultConfiguration: BenchmarkConfiguration(),
            clock: MonotonicClock()
        ) { _, _ in BenchmarkEntry() }
        let all = (0..<keys).map { PoolKey(org: OrgID($0 % 2), type: .memory, name: "load-\($0)") }
        // Not in an asynchronous `main`, whose way to wait for its end valgrind does not survive.
        try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
            for key in all { _ = try await pool.withEntry(key) { $0 } }
        }.wait()
        return { count in
            for number in 0..<count {
                guard let lease = pool.tryAcquire(all[number % keys]) else {
                    throw BackendError(.internal, message: "no hit")
                }
                pool.release(lease.id)
            }
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
