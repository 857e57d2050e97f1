internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// Commands that are brought to an end, or leave something that is.
extension ExecAgent {
    /// In the background, without a parent, in a session of its own; each would last for ten minutes.
    private static let manyProcesses = "sleep 600 & (sleep 600 &); setsid sleep 600 & (trap '' TERM HUP; sleep 600) &"

    mutating func leftovers() async throws {
        let mark = newMark()
        let result = try await run(try ExecRequest("\(Self.manyProcesses) printf %s \(mark)"), on: target())
        try check(result, .exited(code: 0), output: mark, "a command that leaves processes")
        let count = result.end.lingeringProcesses
        try check((3...8).contains(count), "\(count) processes were left of four")
    }

    mutating func timeout() async throws {
        let (mark, timeout) = (newMark(), Duration.milliseconds(200 + choice(200)))
        let line = "printf %s \(mark); trap '' TERM; \(Self.manyProcesses) sleep 600"
        let result = try await run(try ExecRequest(line, timeout: timeout), on: target())
        guard case .timedOut = result.end.outcome else {
            throw TortureFailure("a command beyond its timeout ended with \(result.end)")
        }
        // Where it came to be executed before that.
        try check(
            [ByteBuffer(string: mark), ByteBuffer()].contains(result.standardOutput),
            "a command that timed out wrote something else"
        )
    }

    mutating func deadline() async throws {
        let (connection, target) = (try await connected(), target())
        let options = BrokerCallOptions(deadline: .milliseconds(20 + choice(200)))
        let request = try ExecRequest("trap '' TERM; \(Self.manyProcesses) sleep 600")
        try await expect(.deadlineExceeded, "a command beyond its call's deadline") {
            _ = try await connection.run(request, on: target, call: options)
        }
    }

    /// At any moment: before it is sent, before it runs, while it runs.
    mutating func cancelled() async throws {
        let (connection, target, turns) = (try await connected(), target(), choice(400))
        let request = try ExecRequest("\(Self.manyProcesses) sleep 600")
        let isDone = try await cancel(after: turns) { _ = try await connection.run(request, on: target) }
        try check(!isDone, "a command of ten minutes came to its end")
    }

    /// While it runs, for sure.
    mutating func interrupted() async throws {
        let (connection, target, mark) = (try await connected(), target(), newMark())
        let request = try ExecRequest("\(Self.manyProcesses) printf %s \(mark); sleep 600")
        let found = try await connection.withExec(request, on: target) { session in
            for try await event in session {
                if case .standardOutput(let bytes) = event { return bytes }
            }
            return ByteBuffer()
        }
        try check(found == ByteBuffer(string: mark), "a command wrote something else before it was cancelled")
    }

    /// With the connection.
    mutating func dropped() async throws {
        let (connection, target, turns) = (try await connected(), target(), choice(400))
        let request = try ExecRequest("\(Self.manyProcesses) sleep 600")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { _ = try? await connection.run(request, on: target) }
            }
            for _ in 0..<turns { await Task.yield() }
            await connection.close()
        }
        await disconnect()
    }
}
