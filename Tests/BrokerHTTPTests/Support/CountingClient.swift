import AgentBackend
import BrokerTestKit
import BrokerWire
import NIOCore

/// A client of the wire that counts what it sees itself. For one task. Close it.
struct CountingClient {
    static let key = "a-key-that-is-nobodys-business"

    private let client: RawWireClient
    private var lastID: UInt64 = 0
    private(set) var sentBytes = 0
    /// By `operation="…",code="…"`.
    private(set) var calls: [String: Double] = [:]
    /// By `end="…"`.
    private(set) var execs: [String: Double] = [:]
    /// Calls by class.
    private(set) var classes: [String: Int] = [:]
    private(set) var userTime = Duration.zero
    private(set) var systemTime = Duration.zero

    init(_ broker: InProcessBroker, org: String = "acme") async throws {
        client = try await .connect(to: .tcp(port: broker.port), givesCredit: false, keepsBytes: true)
        try await send([ClientFrame(id: 0, body: .hello(Hello(token: broker.token(of: org), clientName: "counting")))])
        _ = try await client.next(of: 0)
    }

    var receivedBytes: Int { get async throws { try await client.receivedBytes.count } }

    func close() async { await client.close() }

    private mutating func send(_ frames: [ClientFrame]) async throws {
        let bytes = RawWireClient.bytes(of: frames)
        sentBytes += bytes.readableBytes
        try await client.send(bytes)
    }

    /// One call, to its end.
    mutating func call(
        _ operation: BrokerWire.Operation,
        named name: String,
        of operations: String,
        payload: String = "",
        backend: BackendType = .localFilesystem,
        options: CallOptions = CallOptions()
    ) async throws {
        lastID += 1
        let target = Target(backend: backend, key: Self.key)
        let payload = ByteBuffer(string: payload)
        try await send([
            ClientFrame(id: lastID, target: target, options: options, body: .call(operation), payload: payload)
        ])
        count(try await client.frames(of: lastID).last, name, operations)
    }

    private mutating func count(_ frame: ServerFrame?, _ name: String, _ operations: String) {
        var code = "OK"
        switch frame?.body {
        case .error(let error): code = "\(error.code)"
        case .reply(.execEnd(let end)): count(end.end)
        default: break
        }
        calls[#"operation="\#(name)",code="\#(code)""#, default: 0] += 1
        classes[operations, default: 0] += 1
    }

    private mutating func count(_ end: ExecEnd) {
        userTime += end.usage.user
        systemTime += end.usage.system
        let name =
            switch end.outcome {
            case .exited(code: 0): "exited_zero"
            case .exited: "exited_nonzero"
            case .signaled: "signaled"
            case .timedOut: "timed_out"
            case .outputLimit: "output_limit"
            default: "\(end.outcome)"
            }
        execs[#"end="\#(name)""#, default: 0] += 1
    }

    /// Some of everything: on the spot and not, in one batch, well and not.
    mutating func makeCalls() async throws {
        try await call(.write(Write(path: Array("f".utf8))), named: "write", of: "file", payload: "hello")
        for _ in 0..<3 {
            try await call(.read(Read(path: Array("f".utf8))), named: "read", of: "file")
            try await call(.read(Read(path: Array("none".utf8))), named: "read", of: "file")
        }
        try await call(.stat(Stat(path: Array("f".utf8))), named: "stat", of: "file", backend: .memory)
        try await call(.clearKeys, named: "clear_keys", of: "file", backend: .memory)
        try await call(.diskUsage(MeasureUsage(path: [])), named: "disk_usage", of: "search")
        try await call(.stats(Stats()), named: "stats", of: "control")
        try await call(.reload, named: "reload", of: "control")
        // Refused before it is begun.
        let strange = CallOptions(CallOptions.Special(requires: [99]))
        try await call(.echo, named: "echo", of: "echo", options: strange)
        for line in ["true", "true", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3", "kill -9 $$"] {
            try await exec(line)
        }
        try await exec("sleep 100", timeout: .milliseconds(50))
        try await exec("yes", limits: ExecLimits(outputBytes: 1000))
        try await exec(" ")
        try await pipelinedEchoes(100)
    }

    private mutating func exec(
        _ line: String,
        timeout: Duration? = nil,
        limits: ExecLimits = ExecLimits()
    ) async throws {
        let start = ExecStart(program: .shellLine(Array(line.utf8)), timeout: timeout, limits: limits)
        try await call(.execStart(start), named: "exec", of: "exec")
    }

    /// One that its caller calls off.
    mutating func cancelledExec() async throws {
        lastID += 1
        let start = ExecStart(program: .shellLine(Array("sleep 100".utf8)))
        try await send([
            ClientFrame(id: lastID, target: Target(key: Self.key), body: .call(.execStart(start)))
        ])
        _ = try await client.next(of: lastID)
        try await send([ClientFrame(id: 0, body: .cancel(call: lastID))])
        count(try await client.frames(of: lastID).last, "exec", "exec")
        execs[#"end="cancelled""#, default: 0] += 1
    }

    private mutating func pipelinedEchoes(_ number: Int) async throws {
        let ids = (1...UInt64(number)).map { lastID + $0 }
        lastID += UInt64(number)
        try await send(
            ids.map {
                ClientFrame(
                    id: $0,
                    target: Target(key: Self.key),
                    body: .call(.echo),
                    payload: ByteBuffer(string: "payload \($0)")
                )
            }
        )
        for id in ids { count(try await client.frames(of: id).last, "echo", "echo") }
    }
}
