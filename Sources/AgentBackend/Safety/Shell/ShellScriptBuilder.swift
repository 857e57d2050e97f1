/// A shell program in the making: knows where a command's name stands, and which groups are open.
struct ShellScriptBuilder {
    private enum Group {
        case parenthesis
        case reservedWord
        /// Its patterns end with a parenthesis.
        case cases
    }

    private var events: [ShellScript.Event] = []
    private var command = ShellCommand()
    /// Of a command of one word: that word, if nothing of it was quoted.
    private var plainName: [UInt8]?
    private var groups: [Group] = []
    private let endsAtParenthesis: Bool
    /// The next word names a function.
    private var isAfterFunction = false
    /// How many groups surround `((`, where arithmetic may have begun.
    private var groupsAroundArithmetic: Int?

    init(endsAtParenthesis: Bool = false, isArithmetic: Bool = false) {
        self.endsAtParenthesis = endsAtParenthesis
        groupsAroundArithmetic = isArithmetic ? 0 : nil
    }

    /// `<<` shifts and `#` is a digit's base. Commands are looked for nonetheless: `((` may open two groups.
    var isArithmetic: Bool { groupsAroundArithmetic != nil }

    /// The next word is the name of a command.
    var isAtCommand: Bool { command.words.isEmpty }

    /// A pair of parentheses here belongs to the name of a function.
    var mayNameFunction: Bool {
        if plainName != nil { return true }
        guard command.isEmpty, case .function = events.last else { return false }
        return true
    }

    consuming func script() -> ShellScript {
        endCommand()
        while !groups.isEmpty { closeGroup() }
        return ShellScript(events: events)
    }

    // MARK: What was read

    mutating func add(_ word: ShellWordBuilder) {
        let plainText = word.plainText
        if isAfterFunction {
            isAfterFunction = false
            plainName = plainText
            return nameFunction()
        }
        if command.isEmpty, let plainText, reserve(plainText) { return }
        if isAtCommand, word.isAssignment {
            command.assignments.append(word.word())
            return
        }
        plainName = isAtCommand && command.isEmpty ? plainText : nil
        command.words.append(word.word())
    }

    mutating func redirect(_ kind: ShellCommand.Redirection.Kind, to target: ShellWord) {
        plainName = nil
        command.redirections.append(ShellCommand.Redirection(kind: kind, target: target))
    }

    mutating func pipe() {
        endCommand()
        events.append(.pipe)
    }

    mutating func endPipeline(isBackground: Bool = false) {
        endCommand()
        events.append(.end(isBackground: isBackground))
    }

    /// Ends a pipeline, unless the line stopped at its pipe.
    mutating func endLine() {
        if command.isEmpty, events.last == .pipe { return }
        endPipeline()
    }

    /// The word that was read last names a function.
    mutating func nameFunction() {
        if let plainName { events.append(.function(plainName)) }
        command = ShellCommand()
        plainName = nil
    }

    mutating func openParenthesis(isArithmetic: Bool) {
        endCommand()
        if isArithmetic, groupsAroundArithmetic == nil { groupsAroundArithmetic = groups.count }
        open(.parenthesis)
    }

    /// Returns whether it closes what is read.
    mutating func closeParenthesis() -> Bool {
        endCommand()
        if groups.last == .cases {
            events.append(.end(isBackground: false))
            return false
        }
        // A word that was left open is a mistake that no shell accepts.
        while groups.last == .reservedWord { closeGroup() }
        guard groups.last == .parenthesis else {
            events.append(.end(isBackground: false))
            return endsAtParenthesis
        }
        closeGroup()
        return false
    }

    // MARK: Groups

    /// Whether a word in the place of a name is one of the language's own.
    private mutating func reserve(_ word: [UInt8]) -> Bool {
        switch String(decoding: word.prefix(Self.longestReservedWord + 1), as: UTF8.self) {
        case "{", "if", "while", "until": open(.reservedWord)
        case "for", "select":
            open(.reservedWord)
            // What follows is no command: it stays one of this name.
            return false
        case "case":
            open(.cases)
            return false
        case "}", "fi", "done":
            if groups.last == .reservedWord { closeGroup() }
        case "esac":
            if groups.last == .cases { closeGroup() }
        case "then", "else", "elif", "do", "!", "coproc": break
        case "function": isAfterFunction = true
        default: return false
        }
        return true
    }

    private static let longestReservedWord = 8

    private mutating func open(_ group: Group) {
        groups.append(group)
        events.append(.open(isSubshell: group == .parenthesis))
    }

    private mutating func closeGroup() {
        groups.removeLast()
        events.append(.close)
        if groups.count == groupsAroundArithmetic { groupsAroundArithmetic = nil }
    }

    private mutating func endCommand() {
        if !command.isEmpty { events.append(.command(command)) }
        command = ShellCommand()
        plainName = nil
    }
}
