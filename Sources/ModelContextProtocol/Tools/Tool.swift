package import AgentBackend

/// Something that a model may have done.
protocol Tool: Sendable {
    var definition: ToolDefinition { get }

    /// Does it. What it throws is told to the model, which can do better.
    func call(_ arguments: ToolArguments, in context: ToolContext) async throws(BackendError) -> ToolResult
}

/// What a client is told of a tool.
package struct ToolDefinition: Sendable {
    /// What the tool does to the world; hints, in the protocol's words.
    package struct Annotations: Sendable, Hashable {
        package var isReadOnly: Bool
        package var isIdempotent: Bool?
        package var isDestructive: Bool?

        static let reads = Annotations(isReadOnly: true)

        static func changes(isIdempotent: Bool, isDestructive: Bool) -> Annotations {
            Annotations(isReadOnly: false, isIdempotent: isIdempotent, isDestructive: isDestructive)
        }

        private init(isReadOnly: Bool, isIdempotent: Bool? = nil, isDestructive: Bool? = nil) {
            self.isReadOnly = isReadOnly
            self.isIdempotent = isIdempotent
            self.isDestructive = isDestructive
        }
    }

    package var name: String
    package var title: String
    package var description: String
    /// JSON schemas of an object.
    package var input: JSONValue
    package var output: JSONValue
    package var annotations: Annotations
    /// It may well take longer than a client waits in silence.
    var mayBeLong = false

    var json: JSONValue {
        var annotations = JSONObject()
        annotations["readOnlyHint"] = .bool(self.annotations.isReadOnly)
        annotations["idempotentHint"] = self.annotations.isIdempotent.map { .bool($0) }
        annotations["destructiveHint"] = self.annotations.isDestructive.map { .bool($0) }
        return [
            "name": .string(name), "title": .string(title), "description": .string(description), "inputSchema": input,
            "outputSchema": output, "annotations": .object(annotations),
        ]
    }
}

/// What a tool works with.
package struct ToolContext: Sendable {
    package var backend: any Backend
    package var commands: HeldCommands
    package var owner: HeldCommands.Owner
    package var limits: ToolLimits
    /// Takes what is to be told while a call goes on. Never waits. Nil: nobody wants to know.
    package var progress: (@Sendable (Progress) -> Void)?
    /// Hears of what the tools refuse themselves, of which the backend hears nothing: of each call the first. Never waits.
    package var refused: (@Sendable (ToolRefusal) -> Void)?
    package var clock: any Clock<Duration>

    package init(
        backend: any Backend,
        commands: HeldCommands,
        owner: HeldCommands.Owner,
        limits: ToolLimits = ToolLimits(),
        progress: (@Sendable (Progress) -> Void)? = nil,
        refused: (@Sendable (ToolRefusal) -> Void)? = nil,
        clock: any Clock<Duration> = .continuous
    ) {
        self.backend = backend
        self.commands = commands
        self.owner = owner
        self.limits = limits
        self.progress = progress
        self.refused = refused
        self.clock = clock
    }
}

/// A call of a tool that wanted what its caller may not have.
package struct ToolRefusal: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Leads out of the workspace.
        case path
        /// Is another's, or none.
        case command
    }

    package let tool: String
    package let kind: Kind
    /// What it asked for, as the caller wrote it.
    package let subject: String
    package let code: BackendError.Code
}

/// What one answer may hold.
package struct ToolLimits: Sendable, Hashable {
    /// Bytes of text in one answer, about; what is longer is cut, and says how to read on.
    package var resultBytes: Int
    /// Bytes of a file that is given as a whole, for it is no text.
    package var mediaBytes: Int
    /// Between two words of a command's progress.
    package var progressInterval: Duration

    package init(
        resultBytes: Int = 256 << 10,
        mediaBytes: Int = 4 << 20,
        progressInterval: Duration = .seconds(1)
    ) {
        self.resultBytes = resultBytes
        self.mediaBytes = mediaBytes
        self.progressInterval = progressInterval
    }
}
