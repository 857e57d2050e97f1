/// Where a shell or another interpreter finds the program that it runs.
enum ProgramSource {
    /// This word is the program.
    case text(ShellWord)
    /// This word names its file.
    case file(ShellWord)
    case standardInput

    /// Nil: no interpreter, or there is nothing that it would run.
    init?(_ invocation: Invocation) {
        if Self.shells.contains(invocation.program) {
            self.init(shell: invocation)
        } else if invocation.program == "su" {
            self.init(substituteUser: invocation)
        } else if Self.isInterpreter(invocation.program) {
            // Options name other sources, of each interpreter in its own way.
            guard let first = invocation.arguments.first else {
                if invocation.hasUnknownArguments { return nil }
                self = .standardInput
                return
            }
            guard first.literal?.elementsEqual("-".utf8) == true || first.isStandardInput else { return nil }
            self = .standardInput
        } else {
            return nil
        }
    }

    private init?(shell invocation: Invocation) {
        var rest = invocation.arguments
        var takesText = false
        var readsInput = false
        while let word = rest.first, let option = word.literal, let sign = option.first, "-+".utf8.contains(sign) {
            rest = rest.dropFirst()
            if option.elementsEqual("-".utf8) || option.elementsEqual("--".utf8) { break }
            if option.starts(with: "--".utf8) {
                if Self.longOptionsWithFile.contains(option) { rest = rest.dropFirst() }
                continue
            }
            if sign == UInt8(ascii: "-"), option.contains(UInt8(ascii: "c")) { takesText = true }
            if sign == UInt8(ascii: "-"), option.contains(UInt8(ascii: "s")) { readsInput = true }
            if option.contains(UInt8(ascii: "o")) || option.contains(UInt8(ascii: "O")) { rest = rest.dropFirst() }
        }
        if takesText {
            guard let program = rest.first else { return nil }
            self = .text(program)
        } else if let file = rest.first, !readsInput, !file.isStandardInput {
            self = .file(file)
        } else if readsInput || rest.first != nil || !invocation.hasUnknownArguments {
            self = .standardInput
        } else {
            return nil
        }
    }

    /// `su - user -c 'program'`
    private init?(substituteUser invocation: Invocation) {
        let words = invocation.arguments
        guard let option = words.firstIndex(where: { $0.literal.map(Self.isCommandOption) ?? false }),
            option + 1 < words.endIndex
        else { return nil }
        self = .text(words[option + 1])
    }

    private static func isCommandOption(_ option: [UInt8]) -> Bool {
        option.elementsEqual("-c".utf8) || option.elementsEqual("--command".utf8)
    }

    private static let shells: Set = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "rbash"]
    private static let longOptionsWithFile = Set(["--rcfile", "--init-file"].map { Array($0.utf8) })

    private static func isInterpreter(_ program: String) -> Bool {
        program.hasPrefix("python") || ["perl", "ruby", "node", "php"].contains(program)
    }
}

extension ShellWord {
    /// The path of what the program reads anyway.
    var isStandardInput: Bool {
        guard let path = literal else { return false }
        return ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains { path.elementsEqual($0.utf8) }
    }
}
