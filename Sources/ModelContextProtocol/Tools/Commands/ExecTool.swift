internal import AgentBackend
internal import NIOCore

struct ExecTool: Tool {
    let definition = ToolDefinition(
        name: "exec",
        title: "Run Command",
        description:
            "Run a shell command to its end and return what it wrote. Of long output the beginning and the end are "
            + "returned; run a command of that kind with exec_start to read all of it.",
        input: CommandArguments.schema,
        output: Schema.object(
            [
                "stdout": Schema.text(), "stderr": Schema.text(),
                "exitCode": Schema.integer("Not there where it did not end by itself"),
                "outcome": Schema.text("exited, signaled, timed_out, out_of_memory, output_limit, …"),
                "stdoutBytes": Schema.integer("All that it wrote"), "stderrBytes": Schema.integer(),
                "seconds": Schema.number("How long it ran"),
            ],
            optional: ["exitCode"]
        ),
        annotations: .changes(isIdempotent: false, isDestructive: true),
        mayBeLong: true
    )

    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult {
        let request = try CommandArguments.request(arguments)
        let result = try await runTelling(request, context)
        var structured = JSONObject()
        structured["stdout"] = .string(String(buffer: result.standardOutput))
        structured["stderr"] = .string(String(buffer: result.standardError))
        structured["exitCode"] = result.exitCode.map { .integer(Int64($0)) }
        structured["outcome"] = .string(result.end.outcome.name)
        structured["stdoutBytes"] = .count(result.standardOutputCount)
        structured["stderrBytes"] = .count(result.standardErrorCount)
        structured["seconds"] = .number(result.end.usage.wall / .seconds(1))
        var blocks = [result.standardOutput, result.standardError]
            .filter { $0.readableBytes > 0 }.map { ToolResult.block(String(buffer: $0)) }
        let isOwnEnd = result.exitCode != nil
        if result.exitCode != 0 || blocks.isEmpty {
            let code = result.exitCode.map { "exit code \($0)" } ?? result.end.outcome.name
            blocks.append(ToolResult.block("[\(code)]"))
        }
        return ToolResult(content: blocks, structured: .object(structured), isError: !isOwnEnd)
    }

    /// Runs it, and tells now and then that it does.
    private func runTelling(
        _ request: ExecRequest,
        _ context: ToolContext
    ) async throws(BackendError) -> CommandResult {
        let backend = context.backend
        let maximum = context.limits.resultBytes / 2
        guard let progress = context.progress else {
            return try await backend.run(request, maximumOutputLength: maximum)
        }
        let result = await withTaskGroup(of: Result<CommandResult, BackendError>?.self) { group in
            group.addTask {
                do throws(BackendError) {
                    return .success(try await backend.run(request, maximumOutputLength: maximum))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                var elapsed = Duration.zero
                while (try? await context.clock.sleep(for: context.limits.progressInterval)) != nil {
                    elapsed += context.limits.progressInterval
                    let seconds = elapsed / .seconds(1)
                    progress(Progress(amount: seconds, message: "running for \(Int(seconds)) s"))
                }
                return nil
            }
            defer { group.cancelAll() }
            for await result in group { if let result { return result } }
            return .failure(BackendError(.internal, message: "the command has no end"))
        }
        return try result.get()
    }
}

/// What the tools have in common that run a command.
enum CommandArguments {
    static let schema = Schema.object(
        [
            "command": Schema.text("A line for the shell"),
            "cwd": Schema.text("The directory to run it in").by(default: .string(WorkspacePath.rootName)),
            "env": Schema.object([:], "Variables of its environment").with("additionalProperties", Schema.text()),
            "timeout": Schema.number("Seconds after which it is ended with all that it started"),
        ],
        optional: ["cwd", "env", "timeout"]
    )

    static func request(_ arguments: ToolArguments) throws(BackendError) -> ExecRequest {
        ExecRequest(
            .shellLine(Array(try arguments.text("command").utf8)),
            environment: try arguments.environment("env"),
            workingDirectory: try arguments.optionalPath("cwd") ?? .root,
            timeout: try arguments.optionalSeconds("timeout")
        )
    }
}
