internal import AgentBackend

/// What a tool is called with. Everything throws `INVALID_ARGUMENT`, with the name of the argument; `null` counts as not
/// given.
struct ToolArguments: Sendable {
    private let object: JSONObject
    /// Takes the argument that was refused, and why.
    private let refused: @Sendable (ToolRefusal.Kind, _ subject: String, BackendError.Code) -> Void

    init(
        _ object: JSONObject,
        refused: @escaping @Sendable (ToolRefusal.Kind, _ subject: String, BackendError.Code) -> Void = { _, _, _ in }
    ) {
        self.object = object
        self.refused = refused
    }

    private func given(_ name: String) -> JSONValue? {
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    private static func wrong(_ name: String, _ wanted: String) -> BackendError {
        BackendError(.invalidArgument, message: "the argument \(name) has to be \(wanted)")
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(BackendError) -> Value {
        guard let value else {
            throw BackendError(.invalidArgument, message: "the argument \(name) is missing")
        }
        return value
    }

    func optionalText(_ name: String) throws(BackendError) -> String? {
        guard let value = given(name) else { return nil }
        guard let text = value.text else { throw Self.wrong(name, "a text") }
        return text
    }

    func text(_ name: String) throws(BackendError) -> String { try required(name, optionalText(name)) }

    func path(_ name: String) throws(BackendError) -> WorkspacePath { try path(written: text(name)) }

    /// Of a text that was among the arguments. Throws `PATH_ESCAPE_ATTEMPT` as well.
    func path(written text: String) throws(BackendError) -> WorkspacePath {
        do throws(BackendError) {
            return try WorkspacePath(text)
        } catch {
            if error.code == .pathEscapeAttempt { refused(.path, text, error.code) }
            throw error
        }
    }

    /// That the argument `id` names. Throws `NOT_FOUND` for one that is not the owner's.
    func command(in context: ToolContext) throws(BackendError) -> HeldCommand {
        let id = try count("id")
        do throws(BackendError) {
            return try context.commands.command(id, of: context.owner)
        } catch {
            refused(.command, "command \(id)", error.code)
            throw error
        }
    }

    /// The root where it is not given.
    func optionalPath(_ name: String) throws(BackendError) -> WorkspacePath? {
        try optionalText(name).map { (text) throws(BackendError) in try path(written: text) }
    }

    func flag(_ name: String) throws(BackendError) -> Bool {
        guard let value = given(name) else { return false }
        guard let flag = value.flag else { throw Self.wrong(name, "true or false") }
        return flag
    }

    /// A whole number from 0 on.
    func optionalCount(_ name: String) throws(BackendError) -> UInt64? {
        guard let value = given(name) else { return nil }
        guard let number = value.wholeNumber.flatMap({ UInt64(exactly: $0) }) else {
            throw Self.wrong(name, "a whole number, 0 or more")
        }
        return number
    }

    func count(_ name: String) throws(BackendError) -> UInt64 { try required(name, optionalCount(name)) }

    /// No more than a year; 0 as if it were not given, else a millisecond at least.
    func optionalSeconds(_ name: String) throws(BackendError) -> Duration? {
        guard let value = given(name) else { return nil }
        guard let seconds = value.realNumber, seconds >= 0, seconds <= 365 * 86_400 else {
            throw Self.wrong(name, "a number of seconds")
        }
        return seconds > 0 ? max(.seconds(seconds), .milliseconds(1)) : nil
    }

    /// Empty where it is not given.
    func texts(_ name: String) throws(BackendError) -> [String] {
        guard let value = given(name) else { return [] }
        let texts = value.elements?.compactMap(\.text)
        guard let texts, texts.count == value.elements?.count else { throw Self.wrong(name, "a list of texts") }
        return texts
    }

    func objects(_ name: String) throws(BackendError) -> [ToolArguments] {
        let elements = try required(name, given(name)).elements
        let objects = elements?.compactMap(\.object)
        guard let objects, objects.count == elements?.count else { throw Self.wrong(name, "a list of objects") }
        return objects.map { ToolArguments($0) }
    }

    /// Variables, each a text. Empty where it is not given.
    func environment(_ name: String) throws(BackendError) -> Environment {
        var environment = Environment()
        guard let value = given(name) else { return environment }
        guard let object = value.object else { throw Self.wrong(name, "an object whose members are texts") }
        for member in object.members {
            guard let text = member.value.text else { throw Self.wrong(name, "an object whose members are texts") }
            try environment.set(Array(member.name.utf8), to: Array(text.utf8))
        }
        return environment
    }

    /// Patterns that match anywhere below the place that is searched, as ``GlobPattern`` has it.
    func patterns(_ name: String) throws(BackendError) -> [GlobPattern] {
        try texts(name).map { text throws(BackendError) in try GlobPattern(text) }
    }
}
