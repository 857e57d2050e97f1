package import AgentBackend
internal import CBrokerProtos
internal import CProtobufC

/// As it was given; the broker checks patterns and paths.
package struct Grep: Sendable, Hashable {
    package var pattern: [UInt8]
    package var isRegularExpression: Bool
    package var ignoresCase: Bool
    package var path: [UInt8]
    package var includes: [[UInt8]]
    package var excludes: [[UInt8]]
    /// Empty: from the start.
    package var after: [UInt8]
    /// What is not said above.
    private var rest: GrepOptions

    package init(_ pattern: GrepPattern, _ options: GrepOptions) {
        self.pattern = pattern.bytes
        isRegularExpression = pattern.isRegularExpression
        ignoresCase = pattern.ignoresCase
        path = options.path.bytes
        includes = options.includes.map(\.bytes)
        excludes = options.excludes.map(\.bytes)
        after = options.after?.bytes ?? []
        rest = options
        (rest.path, rest.includes, rest.excludes, rest.after) = (.root, [], [], nil)
    }

    /// Throws `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for what is no pattern or no path.
    package func parsed() throws(BackendError) -> (pattern: GrepPattern, options: GrepOptions) {
        var options = rest
        options.path = try WorkspacePath(path)
        for include in includes { options.includes.append(try GlobPattern(include)) }
        for exclude in excludes { options.excludes.append(try GlobPattern(exclude)) }
        options.after = after.isEmpty ? nil : try WorkspacePath(after)
        let pattern = try GrepPattern(pattern, isRegularExpression: isRegularExpression, ignoresCase: ignoresCase)
        return (pattern, options)
    }
}

extension Grep: WireMessage {
    init(_ message: Agentbroker__V1__Grep) throws(BackendError) {
        pattern = MessageReader.bytes(message.pattern)
        isRegularExpression = message.regular_expression != 0
        ignoresCase = message.ignore_case != 0
        path = MessageReader.bytes(message.path)
        includes = try MessageReader.array(message.includes, count: message.n_includes) { MessageReader.bytes($0) }
        excludes = try MessageReader.array(message.excludes, count: message.n_excludes) { MessageReader.bytes($0) }
        after = MessageReader.bytes(message.after)
        rest = GrepOptions(
            contextBefore: Int(message.context_before),
            contextAfter: Int(message.context_after),
            includesHidden: message.hidden != 0,
            includesVersionControl: message.version_control != 0,
            maximumPerFile: Int(message.max_per_file),
            limit: Int(message.limit)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Grep> {
        let message = builder.make(agentbroker__v1__grep__init)
        message.pointee.pattern = builder.bytes(pattern)
        message.pointee.regular_expression = isRegularExpression ? 1 : 0
        message.pointee.ignore_case = ignoresCase ? 1 : 0
        message.pointee.path = builder.bytes(path)
        message.pointee.n_includes = includes.count
        message.pointee.includes = builder.array(includes) { builder.bytes($0) }
        message.pointee.n_excludes = excludes.count
        message.pointee.excludes = builder.array(excludes) { builder.bytes($0) }
        message.pointee.context_before = UInt32(clamping: rest.contextBefore)
        message.pointee.context_after = UInt32(clamping: rest.contextAfter)
        message.pointee.hidden = rest.includesHidden ? 1 : 0
        message.pointee.version_control = rest.includesVersionControl ? 1 : 0
        message.pointee.max_per_file = UInt32(clamping: rest.maximumPerFile)
        message.pointee.limit = UInt32(clamping: rest.limit)
        message.pointee.after = builder.bytes(after)
        return message
    }
}

extension GrepMatch: WireMessage {
    init(_ message: Agentbroker__V1__GrepMatch) throws(BackendError) {
        self.init(
            line: message.line,
            text: MessageReader.bytes(message.text),
            before: try MessageReader.array(message.before, count: message.n_before) { MessageReader.bytes($0) },
            after: try MessageReader.array(message.after, count: message.n_after) { MessageReader.bytes($0) }
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__GrepMatch> {
        let message = builder.make(agentbroker__v1__grep_match__init)
        message.pointee.line = line
        message.pointee.text = builder.bytes(text)
        message.pointee.n_before = before.count
        message.pointee.before = builder.array(before) { builder.bytes($0) }
        message.pointee.n_after = after.count
        message.pointee.after = builder.array(after) { builder.bytes($0) }
        return message
    }
}

extension GrepFile: WireMessage {
    /// Throws also for what is no path.
    init(_ message: Agentbroker__V1__GrepFile) throws(BackendError) {
        self.init(
            path: try WorkspacePath(MessageReader.bytes(message.path)),
            matches: try MessageReader.array(message.matches, count: message.n_matches) { match throws(BackendError) in
                guard let match = match?.pointee else { return GrepMatch(line: 0, text: []) }
                return try GrepMatch(match)
            },
            isTruncated: message.truncated != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__GrepFile> {
        let message = builder.make(agentbroker__v1__grep_file__init)
        message.pointee.path = builder.bytes(path.bytes)
        message.pointee.n_matches = matches.count
        message.pointee.matches = builder.array(matches) { $0.build(builder) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

extension GrepPage: WireMessage {
    init(_ message: Agentbroker__V1__GrepReply) throws(BackendError) {
        let next = MessageReader.bytes(message.next)
        self.init(
            files: try MessageReader.array(message.files, count: message.n_files) { file throws(BackendError) in
                guard let file = file?.pointee else { return GrepFile(path: .root, matches: []) }
                return try GrepFile(file)
            },
            next: next.isEmpty ? nil : try WorkspacePath(next),
            skipped: message.skipped,
            undecided: message.undecided
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__GrepReply> {
        let message = builder.make(agentbroker__v1__grep_reply__init)
        message.pointee.n_files = files.count
        message.pointee.files = builder.array(files) { $0.build(builder) }
        message.pointee.next = builder.bytes(next?.bytes ?? [])
        message.pointee.skipped = skipped
        message.pointee.undecided = undecided
        return message
    }
}
