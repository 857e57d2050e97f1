import AgentBackend
import ArgumentParser
import BrokerClient

/// Finds lines of files.
struct GrepCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "grep",
        abstract: "Find the lines that hold a text, or match a regular expression.",
        discussion: """
            PATH: LINE: TEXT, as grep -rn has it, with a dash in place of the colons for lines around a match. Files \
            that are no text are passed over; so are, unless asked for, names with a leading dot and directories of \
            version control. Exits with 1 where there is no such line. On a terminal, bytes that are no printable text \
            are shown as \\xNN. With --json one object per match: path, line, text or, for what is no UTF-8 text, \
            path_base64 and text_base64; with lines around it before and after, escaped.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var pattern: ByteArgument
    @Argument(help: "A directory, or a file.") var path = ByteArgument(argument: "/workspace")
    @Flag(name: [.customShort("E"), .customLong("regexp")], help: "The pattern is a regular expression of PCRE2.")
    var isRegularExpression = false
    @Flag(name: .shortAndLong, help: "Upper and lower case are the same.")
    var ignoreCase = false
    @Option(help: "Only files whose paths match this pattern; may be given more than once.")
    var include: [ByteArgument] = []
    @Option(help: "No files or directories whose paths match this pattern; may be given more than once.")
    var exclude: [ByteArgument] = []
    @Option(name: [.customShort("B"), .long], help: "Lines before each match.")
    var beforeContext = 0
    @Option(name: [.customShort("A"), .long], help: "Lines after each match.")
    var afterContext = 0
    @Flag(help: "Names with a leading dot too.")
    var hidden = false
    @Flag(help: "Directories of version control too.")
    var versionControl = false
    @Option(name: .shortAndLong, help: "At most so many lines of each file.")
    var maxCount = 0

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let pattern = try GrepPattern(
            self.pattern.bytes,
            isRegularExpression: isRegularExpression,
            ignoresCase: ignoreCase
        )
        let target = try client.target()
        var options = try options()
        var lines = LineOutput(output)
        var (skipped, hasMatches, isTruncated) = (UInt64(0), false, false)
        repeat {
            let page = try await connection.grep(pattern, options: options, on: target)
            for file in page.files {
                for match in file.matches { try await lines.add(match, of: file.path, asJSON: output.asJSON) }
                hasMatches = true
                if file.isTruncated, file.matches.count != maxCount { isTruncated = true }
            }
            if page.undecided > 0 { isTruncated = true }
            skipped += page.skipped
            options.after = page.next
        } while options.after != nil
        try await lines.flush()
        if isTruncated { Self.tellTruncation(output) }
        let status = try await output.conclude(skipped: skipped)
        return hasMatches ? status : .failure
    }

    private func options() throws -> GrepOptions {
        var options = GrepOptions(
            path: try client.path(path),
            contextBefore: beforeContext,
            contextAfter: afterContext,
            includesHidden: hidden,
            includesVersionControl: versionControl,
            maximumPerFile: maxCount,
            limit: GrepOptions.maximumMatches
        )
        options.includes = try include.map { try GlobPattern($0.bytes) }
        options.excludes = try exclude.map { try GlobPattern($0.bytes) }
        return options
    }

    private static func tellTruncation(_ output: CommandOutput) {
        ExitStatus.report(
            BackendError(
                .resourceExhausted,
                message: "some files may have more such lines: search them alone, or for less"
            ),
            asJSON: output.asJSON
        )
    }
}

extension LineOutput {
    fileprivate mutating func add(_ match: GrepMatch, of path: WorkspacePath, asJSON: Bool) async throws {
        let path = Array(WorkspacePath.rootName.utf8) + (path.isRoot ? [] : [UInt8(ascii: "/")]) + path.bytes
        guard asJSON else {
            var number = match.line - UInt64(match.before.count)
            for (lines, mark) in [(match.before, "-"), ([match.text], ":"), (match.after, "-")] {
                for line in lines {
                    try await add("", path + Array("\(mark)\(number)\(mark)".utf8) + line)
                    number += 1
                }
            }
            return
        }
        var line = JSONLine()
        line.add("path", orBase64: "path_base64", path)
        line.add("line", match.line)
        line.add("text", orBase64: "text_base64", match.text)
        if !match.before.isEmpty { line.add("before", match.before.map { WorkspacePath.printable($0) }) }
        if !match.after.isEmpty { line.add("after", match.after.map { WorkspacePath.printable($0) }) }
        try await add(line)
    }
}
