internal import AgentBackend
internal import BrokerClient
internal import NIOCore

extension ExecAgent {
    /// Read from any offset, or by nobody, and waited for.
    mutating func detached() async throws {
        let (text, code, connection, target) = (newText(), UInt32(choice(256)), try await connected(), target())
        let line = #"printf %s "$TEXT"; sleep 600 & exit \#(code)"#
        let command = try await connection.execDetached(try ExecRequest(line, ["TEXT": text]), on: target)
        if choice(3) > 0 {
            let offset = choice(text.utf8.count + 1)
            let found = try await read(command, from: offset)
            try check(
                found.output == ByteBuffer(string: String(text.dropFirst(offset))),
                "of a command in the background something else came from offset \(offset) on"
            )
            try check(
                found.end?.outcome == .exited(code: code),
                "exit \(code) ended with \(String(describing: found.end))"
            )
        }
        let end = try await command.wait()
        try check(end.outcome == .exited(code: code), "exit \(code) ended with \(end)")
        try check(end.isTreeEmpty && end.lingeringProcesses == 1, "of one process there is left: \(end)")
    }

    private func read(
        _ command: BackgroundCommand,
        from offset: Int
    ) async throws -> (output: ByteBuffer, end: ExecEnd?) {
        var output = ByteBuffer()
        for try await event in try await command.attach(
            from: StreamOffsets(standardOutput: UInt64(offset), standardError: 0)
        ) {
            switch event {
            case .output(.standardOutput, let place, var bytes):
                try check(
                    place == UInt64(offset + output.readableBytes),
                    "bytes from offset \(place) on came after \(output.readableBytes) bytes from \(offset) on"
                )
                output.writeBuffer(&bytes)
            case .output(.standardError, _, _), .missing:
                throw TortureFailure("a command in the background wrote errors, or too much: \(event)")
            case .ended(let end):
                return (output, end)
            }
        }
        return (output, nil)
    }

    mutating func killed() async throws {
        let (connection, target) = (try await connected(), target())
        let command = try await connection.execDetached(
            try ExecRequest("trap '' TERM; sleep 600 & (setsid sleep 600 &); sleep 600"),
            on: target
        )
        let running = try await connection.backgroundCommands(on: target)
        try check(running.contains { $0.id == command.id && $0.end == nil }, "a command that runs is not in the list")
        try await command.kill()
        let end = try await command.wait()
        try check(
            end.outcome == .cancelled || end.outcome == .signaled(9),
            "a command that was killed ended with \(end)"
        )
        try check(end.isTreeEmpty, "something of a command that was killed is left: \(end)")
    }
}
