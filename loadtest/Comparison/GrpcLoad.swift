internal import FoundationEssentials
internal import NIOCore

/// Unary echo calls over gRPC, made by h2load, on a server that is running.
struct GrpcLoad: Contestant {
    let name: String
    let server: ServerProcess
    /// Path of h2load.
    let h2load: String
    let connections: Int
    let depth: Int
    /// Bytes of the payload.
    let payload: Int
    /// For its output.
    let directory: String

    /// Calls that tell how many fit into the time.
    private static let probe = 2000
    private static let patience = Duration.seconds(60)

    /// Makes as many calls as probably fit. Throws unless each is answered, and with as many bytes as were sent.
    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let probe = try calls(Self.probe, interrupts)
        let perSecond = Double(Self.probe) / probe
        _ = try calls(max(Int(perSecond * (time.warmup / .seconds(1))), Self.probe), interrupts)
        let count = max(Int(perSecond * (time.duration / .seconds(1))), Self.probe)
        let processor = ServerProcessor(pids: [server.pid])
        let before = try processor.nanoseconds() ?? 0
        let seconds = try calls(count, interrupts)
        let after = try processor.nanoseconds() ?? 0
        return RunFigures(
            calls: count,
            seconds: seconds,
            callsPerSecond: Double(count) / seconds,
            serverMicrosecondsPerCall: Double(after > before ? after - before : 0) / 1000 / Double(count)
        )
    }

    /// Returns the seconds that they took.
    private func calls(_ count: Int, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> Double {
        let message = try writeMessage()
        let arguments = [
            "-n", "\(count)", "-c", "\(connections)", "-m", "\(depth)", "-t", "1", "-d", message.path,
            "-H", "content-type: application/grpc", "-H", "te: trailers", "http://\(server.endpoint)/peer.Echo/Call",
        ]
        let start = ProgramStart(executable: h2load, arguments: arguments, name: "h2load", directory: directory)
        let patience = Self.patience
        let output = try ChildProcess.run(start) { (child) throws(LoadFailure) in
            try child.wholeOutput(within: patience, interrupts)
        }
        guard let found = H2LoadOutput(output) else { throw .child("h2load printed what is not expected: \(output)") }
        guard found.succeeded == count, found.dataBytes == count * message.length else {
            throw .wrongAnswer("\(name): \(found) for \(count) calls of \(message.length) bytes")
        }
        return found.seconds
    }

    /// The frame of a call: no compression, length, and a message whose field 1 is the payload.
    private func writeMessage() throws(LoadFailure) -> (path: String, length: Int) {
        var writer = ProtobufWriter()
        writer.writeBytes([UInt8](repeating: 7, count: payload), field: 1)
        let bytes = FrameHeader.bytes(length: writer.bytes.count) + writer.bytes
        let path = "\(directory)/grpc-call"
        do {
            try Data(bytes).write(to: URL(filePath: path))
        } catch {
            throw .child("cannot write \(path): \(error)")
        }
        return (path, bytes.count)
    }
}

/// What h2load found.
struct H2LoadOutput: Equatable {
    let seconds: Double
    /// Answered with status 2xx.
    let succeeded: Int
    /// Of all answers' bodies.
    let dataBytes: Int

    /// From its text: `finished in 1.50s, …`, `requests: … 2000 succeeded, …`, `traffic: … 67.5KB (69120) data`.
    init?(_ text: String) {
        guard let finished = text.firstMatch(of: /finished in ([0-9.]+)(us|ms|s),/), let number = Double(finished.1),
            let requests = text.firstMatch(of: /([0-9]+) succeeded,/), let succeeded = Int(requests.1),
            let traffic = text.firstMatch(of: /\(([0-9]+)\) data/), let dataBytes = Int(traffic.1)
        else { return nil }
        let unit = finished.2 == "s" ? 1 : finished.2 == "ms" ? 1e-3 : 1e-6
        seconds = number * unit
        self.succeeded = succeeded
        self.dataBytes = dataBytes
    }
}
