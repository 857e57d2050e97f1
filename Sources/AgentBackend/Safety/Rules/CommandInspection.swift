/// Looks at a command, and at the programs in its words, for what the rules name.
struct CommandInspection {
    /// Each rule once, in the order in which they were met.
    private(set) var findings: [DangerRule] = []
    /// Bytes of programs that are still looked into.
    private var budget = CommandSafety.maximumLength

    /// `directory`: where the command starts, as it sees it.
    static func findings(
        in program: ExecRequest.Program,
        directory: TargetPath
    ) -> [DangerRule] {
        var inspection = CommandInspection()
        switch program {
        case .shellLine(let line):
            inspection.inspect(text: line, directory, depth: 0)
        case .arguments(let arguments):
            var command = ShellCommand()
            for argument in arguments {
                guard argument.count < inspection.budget else { break }
                inspection.budget -= argument.count + 1
                command.words.append(ShellWord(literal: argument))
            }
            _ = inspection.inspect(ShellScript(events: [.command(command)]), directory, depth: 0)
        }
        return inspection.findings
    }

    /// Returns whether the script writes what it downloads.
    private mutating func inspect(_ script: ShellScript, _ directory: TargetPath?, depth: Int) -> Bool {
        guard depth <= ShellParser.maximumDepth else { return false }
        var walk = ScriptWalk(directory: directory)
        for event in script.events {
            switch event {
            case .command(let command): inspect(command, &walk, depth)
            case .pipe: walk.pipe()
            case .end(let isBackground): walk.endPipeline(isBackground: isBackground)
            case .open(let isSubshell): walk.open(isSubshell: isSubshell)
            case .close: walk.close()
            case .function(let name): walk.function(name)
            }
        }
        if walk.hasMultiplied { found(.forkBomb) }
        return walk.hasDownloaded
    }

    private mutating func inspect(_ command: ShellCommand, _ walk: inout ScriptWalk, _ depth: Int) {
        for word in command.assignments { _ = inspectScripts(in: word, walk.directory, depth) }
        for redirection in command.redirections {
            if redirection.kind == .output, TargetPath(redirection.target, in: walk.directory)?.isDevice == true {
                found(.redirectToDevice)
            }
        }
        let inputs = command.redirections.map { redirection in
            inspectScripts(in: redirection.target, walk.directory, depth) && redirection.kind != .output
        }
        let downloads = command.words.map { inspectScripts(in: $0, walk.directory, depth) }
        if let name = command.words.first?.literal { walk.command(named: name) }
        guard let invocation = Invocation(command.words[...]) else { return }
        let isInputDownloaded = walk.isInputDownloaded || inputs.contains(true)
        inspect(invocation, &walk, depth, downloads: downloads, isInputDownloaded: isInputDownloaded)
    }

    /// Returns whether the word begins with what a command in it downloads.
    private mutating func inspectScripts(in word: ShellWord, _ directory: TargetPath?, _ depth: Int) -> Bool {
        var beginsWithDownload = false
        for (index, piece) in word.pieces.enumerated() {
            guard case .script(let script) = piece else { continue }
            let downloads = inspect(script, directory, depth: depth + 1)
            if index == 0 { beginsWithDownload = downloads }
        }
        return beginsWithDownload
    }

    /// `downloads`: of each word of the command, whether it begins with a download.
    private mutating func inspect(
        _ invocation: Invocation,
        _ walk: inout ScriptWalk,
        _ depth: Int,
        downloads: [Bool] = [],
        isInputDownloaded: Bool
    ) {
        for rule in DangerRule.rules(for: invocation.program) where rule.applies(to: invocation, in: walk.directory) {
            found(rule)
        }
        let arguments = downloads.suffix(invocation.arguments.count)
        switch invocation.program {
        case "cd", "pushd": walk.changeDirectory(invocation)
        case "popd": walk.directory = nil
        case "curl", "wget", "aria2c", "fetch":
            if !invocation.arguments.isEmpty || invocation.hasUnknownArguments { walk.download() }
        case "echo", "printf":
            if arguments.contains(true) { walk.download() }
        case "eval":
            if arguments.first == true { found(.runDownload) }
            inspect(
                text: Array(invocation.arguments.map(\.source).joined(separator: [UInt8(ascii: " ")])),
                walk.directory,
                depth: depth + 1
            )
        case "trap":
            if let action = invocation.operands.first { inspect(text: action.source, walk.directory, depth: depth + 1) }
        case "source", ".":
            let isInput = invocation.arguments.first?.isStandardInput == true
            if arguments.first == true || isInput && isInputDownloaded { found(.runDownload) }
        case "find": inspectActions(of: invocation, &walk, depth)
        default:
            inspectProgram(of: invocation, walk, depth, isInputDownloaded: isInputDownloaded) { word in
                zip(invocation.arguments, arguments).contains { $0 == word && $1 }
            }
        }
    }

    /// What an interpreter runs.
    private mutating func inspectProgram(
        of invocation: Invocation,
        _ walk: ScriptWalk,
        _ depth: Int,
        isInputDownloaded: Bool,
        isDownload: (ShellWord) -> Bool
    ) {
        switch ProgramSource(invocation) {
        case .text(let program):
            if isDownload(program) { found(.runDownload) }
            inspect(text: program.source, walk.directory, depth: depth + 1)
        case .file(let file):
            if isDownload(file) { found(.runDownload) }
        case .standardInput:
            if isInputDownloaded { found(.runDownload) }
        case nil: break
        }
    }

    private mutating func inspect(text: [UInt8], _ directory: TargetPath?, depth: Int) {
        let text = Array(text.prefix(budget))
        budget -= text.count
        _ = inspect(ShellParser.parse(text, depth: depth), directory, depth: depth)
    }

    /// The commands that find(1) runs.
    private mutating func inspectActions(of invocation: Invocation, _ walk: inout ScriptWalk, _ depth: Int) {
        guard depth < ShellParser.maximumDepth else { return }
        for action in FindExpression(invocation).actions {
            guard let invocation = Invocation(action) else { continue }
            inspect(invocation, &walk, depth + 1, isInputDownloaded: false)
        }
    }

    private mutating func found(_ rule: DangerRule) {
        guard !findings.contains(where: { $0.name == rule.name }) else { return }
        findings.append(rule)
    }
}
