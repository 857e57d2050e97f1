package import AgentBackend
internal import CBrokerProtos

/// As it was given; the broker checks paths and patterns.
package struct Tree: Sendable, Hashable {
    package var path: [UInt8]
    package var depth: Int
    package var excludes: [[UInt8]]
    package var includesHidden: Bool
    package var includesVersionControl: Bool
    package var withDetails: Bool
    /// Empty: from the start.
    package var after: [UInt8]
    /// 0: the broker's.
    package var limit: Int

    package init(_ options: TreeOptions) {
        path = options.path.bytes
        depth = options.depth
        excludes = options.excludes.map(\.bytes)
        includesHidden = options.includesHidden
        includesVersionControl = options.includesVersionControl
        withDetails = options.withDetails
        after = options.after?.bytes ?? []
        limit = options.limit
    }

    /// Throws `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for what is no pattern or no path.
    package func parsed() throws(BackendError) -> TreeOptions {
        TreeOptions(
            path: try WorkspacePath(path),
            depth: depth,
            excludes: try excludes.map { pattern throws(BackendError) in try GlobPattern(pattern) },
            includesHidden: includesHidden,
            includesVersionControl: includesVersionControl,
            withDetails: withDetails,
            after: after.isEmpty ? nil : try WorkspacePath(after),
            limit: limit
        )
    }
}

extension Tree: WireMessage {
    init(_ message: Agentbroker__V1__Tree) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        depth = Int(message.depth)
        excludes = try MessageReader.array(message.excludes, count: message.n_excludes) { MessageReader.bytes($0) }
        includesHidden = message.hidden != 0
        includesVersionControl = message.version_control != 0
        withDetails = message.details != 0
        after = MessageReader.bytes(message.after)
        limit = Int(message.limit)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Tree> {
        let message = builder.make(agentbroker__v1__tree__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.depth = UInt32(clamping: depth)
        message.pointee.n_excludes = excludes.count
        message.pointee.excludes = builder.array(excludes) { builder.bytes($0) }
        message.pointee.hidden = includesHidden ? 1 : 0
        message.pointee.version_control = includesVersionControl ? 1 : 0
        message.pointee.details = withDetails ? 1 : 0
        message.pointee.after = builder.bytes(after)
        message.pointee.limit = UInt32(clamping: limit)
        return message
    }
}

extension FilePage {
    init(tree message: Agentbroker__V1__TreeReply) throws(BackendError) {
        let next = MessageReader.bytes(message.next)
        self.init(
            files: try FoundFile.array(message.files, count: message.n_files),
            next: next.isEmpty ? nil : try WorkspacePath(next),
            skipped: message.skipped
        )
    }

    func buildTree(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__TreeReply> {
        let message = builder.make(agentbroker__v1__tree_reply__init)
        message.pointee.n_files = files.count
        message.pointee.files = builder.array(files) { $0.build(builder) }
        message.pointee.next = builder.bytes(next?.bytes ?? [])
        message.pointee.skipped = skipped
        return message
    }
}
