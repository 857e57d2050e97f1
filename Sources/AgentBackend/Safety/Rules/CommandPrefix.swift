/// A program that runs another one, which its arguments name: `sudo -u root rm …`.
struct CommandPrefix: Sendable {
    let names: [String]
    /// Options whose value is the next word: their letters, and their long names.
    var lettersWithValue = ""
    var wordsWithValue: Set<String> = []
    /// Words between the options and the command.
    var operands = 0
    /// `NAME=value` may stand in front of the command.
    var takesAssignments = false
    /// What it reads becomes arguments of the command.
    var addsArguments = false

    /// What follows its own options and operands.
    func command(in arguments: ArraySlice<ShellWord>) -> ArraySlice<ShellWord> {
        var rest = arguments
        while let option = rest.first?.literal, option.count > 1, option.first == UInt8(ascii: "-") {
            rest = rest.dropFirst()
            if option.elementsEqual("--".utf8) { break }
            if takesValue(option) { rest = rest.dropFirst() }
        }
        if takesAssignments {
            while let word = rest.first, word.isAssignment { rest = rest.dropFirst() }
        }
        return rest.dropFirst(operands)
    }

    private func takesValue(_ option: [UInt8]) -> Bool {
        if option.starts(with: "--".utf8) {
            return option.count < 32 && wordsWithValue.contains(String(decoding: option.dropFirst(2), as: UTF8.self))
        }
        // One that is not the last letter has its value behind it.
        return option.dropFirst().firstIndex { lettersWithValue.utf8.contains($0) } == option.count - 1
    }

    /// By name.
    static let all: [String: CommandPrefix] = [
        CommandPrefix(
            names: ["sudo"],
            lettersWithValue: "CDgGhpRrtTuU",
            wordsWithValue: ["user", "group", "host", "chdir", "chroot", "prompt", "role", "type", "close-from"],
            takesAssignments: true
        ),
        CommandPrefix(names: ["doas"], lettersWithValue: "Cu"),
        CommandPrefix(
            names: ["env"],
            lettersWithValue: "uCS",
            wordsWithValue: ["unset", "chdir"],
            takesAssignments: true
        ),
        CommandPrefix(names: ["nohup", "setsid", "command", "builtin", "busybox", "toybox", "unbuffer"]),
        CommandPrefix(names: ["exec"], lettersWithValue: "a"),
        CommandPrefix(names: ["time"], lettersWithValue: "fo", wordsWithValue: ["format", "output"]),
        CommandPrefix(names: ["nice"], lettersWithValue: "n", wordsWithValue: ["adjustment"]),
        CommandPrefix(names: ["ionice"], lettersWithValue: "cn", wordsWithValue: ["class", "classdata"]),
        CommandPrefix(
            names: ["timeout"],
            lettersWithValue: "ks",
            wordsWithValue: ["kill-after", "signal"],
            operands: 1
        ),
        CommandPrefix(names: ["stdbuf"], lettersWithValue: "ioe", wordsWithValue: ["input", "output", "error"]),
        CommandPrefix(
            names: ["xargs"],
            lettersWithValue: "adEILnPs",
            wordsWithValue: [
                "arg-file", "delimiter", "max-lines", "max-args", "max-procs", "max-chars", "process-slot-var",
            ],
            addsArguments: true
        ),
        CommandPrefix(names: ["chroot"], wordsWithValue: ["userspec", "groups"], operands: 1),
        CommandPrefix(names: ["flock"], lettersWithValue: "wE", wordsWithValue: ["timeout", "wait"], operands: 1),
        CommandPrefix(names: ["strace", "ltrace"], lettersWithValue: "abeEIoOpPsSuX"),
    ].reduce(into: [:]) { table, prefix in
        for name in prefix.names { table[name] = prefix }
    }
}

extension ShellWord {
    /// `NAME=…`.
    var isAssignment: Bool {
        guard case .text(let text) = pieces.first, let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
            return false
        }
        return ShellWordBuilder.isName(text[..<equals])
    }
}
