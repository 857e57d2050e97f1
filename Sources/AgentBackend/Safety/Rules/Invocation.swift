/// A program that a command runs, once what only passes it on is taken away, and its arguments.
struct Invocation {
    /// Without its directory.
    let program: String
    let arguments: ArraySlice<ShellWord>
    /// There are more arguments than the text tells.
    let hasUnknownArguments: Bool

    /// Nil: there is none, or its name shows only when it runs.
    init?(_ words: ArraySlice<ShellWord>) {
        var rest = words
        var hasUnknownArguments = false
        while let name = rest.first?.programName {
            guard let prefix = CommandPrefix.all[name] else {
                program = name
                arguments = rest.dropFirst()
                self.hasUnknownArguments = hasUnknownArguments
                return
            }
            if prefix.addsArguments { hasUnknownArguments = true }
            rest = prefix.command(in: rest.dropFirst())
        }
        return nil
    }

    /// What is no option. A word that shows only when it runs counts as one.
    var operands: [ShellWord] {
        var operands: [ShellWord] = []
        var rest = arguments
        while let word = rest.popFirst() {
            if word.literal?.elementsEqual("--".utf8) == true { return operands + rest }
            if !word.isOption { operands.append(word) }
        }
        return operands
    }

    /// One of the letters, or `--recursive` or what is left of it.
    func isRecursive(letters: String) -> Bool {
        for word in arguments {
            guard case .text(let text) = word.pieces.first, word.isOption else { continue }
            if text.elementsEqual("--".utf8) { return false }
            if text.starts(with: "--r".utf8) {
                if "--recursive".utf8.starts(with: text) { return true }
            } else if !text.starts(with: "--".utf8), text.contains(where: { letters.utf8.contains($0) }) {
                return true
            }
        }
        return false
    }
}

extension ShellWord {
    /// Begins with a dash and is more than that.
    var isOption: Bool {
        guard case .text(let text) = pieces.first, text.first == UInt8(ascii: "-") else { return false }
        return text.count > 1 || pieces.count > 1
    }

    /// As the name of a program, without its directory. Nil: it shows only when it runs.
    var programName: String? {
        guard let name = literal?.split(separator: UInt8(ascii: "/")).last, name.count <= 32 else { return nil }
        // One program per kind of filesystem.
        return name.starts(with: "mkfs.".utf8) ? "mkfs" : String(decoding: name, as: UTF8.self)
    }
}
