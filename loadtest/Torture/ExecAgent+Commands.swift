internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// Commands that end by themselves.
extension ExecAgent {
    mutating func nothing() async throws {
        let result = try await run(try ExecRequest("true"), on: target())
        try check(result, .exited(code: 0), "true")
        try check(result.end.lingeringProcesses == 0, "true left \(result.end.lingeringProcesses) processes")
    }

    /// Both streams, in turn, and again and again.
    mutating func output() async throws {
        let (out, error, count) = (newText(), newText(), 1 + choice(8))
        let line = #"for i in {1..\#(count)}; do printf %s "$OUT"; printf %s "$ERROR" >&2; done"#
        let result = try await run(try ExecRequest(line, ["OUT": out, "ERROR": error]), on: target())
        try check(
            result,
            .exited(code: 0),
            output: String(repeating: out, count: count),
            error: String(repeating: error, count: count),
            "a command that writes"
        )
    }

    mutating func code() async throws {
        let (code, mark) = (UInt32(choice(256)), newMark())
        let result = try await run(try ExecRequest("printf %s \(mark); exit \(code)"), on: target())
        try check(result, .exited(code: code), output: mark, "exit \(code)")
    }

    mutating func signal() async throws {
        // Those that bash does not ignore.
        let signals: [Int32] = [1, 2, 6, 9, 10, 11, 15]
        let signal = signals[choice(signals.count)]
        let result = try await run(try ExecRequest("kill -\(signal) $$; sleep 600"), on: target())
        try check(result, .signaled(signal), "kill -\(signal) $$")
    }

    /// Gives back what it is given.
    mutating func input() async throws {
        let input = MixedContents(subject: newMark()).bytes(UInt64(choice(100)))
        let result = try await run(try ExecRequest("cat"), input: input, on: target())
        try check(
            result.isSuccess && result.standardOutput == input && result.standardErrorCount == 0,
            "cat gave back something else, or ended with \(result.end)"
        )
    }

    /// Beneath a directory that is all that it sees of the workspace.
    mutating func scoped() async throws {
        var target = target()
        target.scope = try WorkspacePath("scope-\(choice(3))/inner")
        let mark = newMark()
        let result = try await run(try ExecRequest(#"cd /workspace; printf "%s \#(mark)" "$PWD""#), on: target)
        try check(result, .exited(code: 0), output: "/workspace \(mark)", "a command in a scope")
    }

    mutating func arguments() async throws {
        let text = newText()
        let arguments = ["printf", "%s|", text, "", "$HOME"].map { Array($0.utf8) }
        let result = try await run(ExecRequest(.arguments(arguments)), on: target())
        try check(result, .exited(code: 0), output: "\(text)||$HOME|", "printf")
    }

    mutating func unstartable() async throws {
        let (connection, target) = (try await connected(), target())
        let request =
            switch choice(3) {
            case 0: ExecRequest(.arguments([Array("no-such-program".utf8)]))
            case 1: ExecRequest(.arguments([Array("/etc/passwd".utf8)]))
            default:
                ExecRequest(.shellLine(Array("true".utf8)), workingDirectory: try WorkspacePath("no-such-directory"))
            }
        try await expect(.execError, "a command that cannot be started") {
            _ = try await connection.run(request, on: target)
        }
    }

    /// In an entry of its own, which nothing is left of.
    mutating func keyless() async throws {
        let (connection, mark) = (try await connected(), newMark())
        let lease = try await connection.acquire(BrokerTarget(key: ""))
        let line = "ls -A /workspace /tmp | grep -c [a-z]; touch a /tmp/a; sleep 600 & printf %s \(mark)"
        let result = try await run(try ExecRequest(line), on: lease.target)
        // The names of the two directories.
        try check(result, .exited(code: 0), output: "2\n\(mark)", "a command in a fresh entry")
        try check(try await connection.release(lease), "a lease was not held any more")
    }
}
