package import AgentBackend
internal import CBrokerProtos

/// As it was given; the broker checks pattern and paths.
package struct Glob: Sendable, Hashable {
    package var pattern: [UInt8]
    package var path: [UInt8]
    package var includesAllKinds: Bool
    package var includesHidden: Bool
    package var withDetails: Bool
    /// Empty: from the start.
    package var after: [UInt8]
    /// 0: the broker's.
    package var limit: Int

    package init(_ pattern: GlobPattern, _ options: GlobOptions) {
        self.pattern = pattern.bytes
        path = options.path.bytes
        includesAllKinds = options.includesAllKinds
        includesHidden = options.includesHidden
        withDetails = options.withDetails
        after = options.after?.bytes ?? []
        limit = options.limit
    }

    /// Throws `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for what is no pattern or no path.
    package func parsed() throws(BackendError) -> (pattern: GlobPattern, options: GlobOptions) {
        let options = GlobOptions(
            path: try WorkspacePath(path),
            includesAllKinds: includesAllKinds,
            includesHidden: includesHidden,
            withDetails: withDetails,
            after: after.isEmpty ? nil : try WorkspacePath(after),
            limit: limit
        )
        return (try GlobPattern(pattern), options)
    }
}

extension Glob: WireMessage {
    init(_ message: Agentbroker__V1__Glob) {
        pattern = MessageReader.bytes(message.pattern)
        path = MessageReader.bytes(message.path)
        includesAllKinds = message.all_kinds != 0
        includesHidden = message.hidden != 0
        withDetails = message.details != 0
        after = MessageReader.bytes(message.after)
        limit = Int(message.limit)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Glob> {
        let message = builder.make(agentbroker__v1__glob__init)
        message.pointee.pattern = builder.bytes(pattern)
        message.pointee.path = builder.bytes(path)
        message.pointee.all_kinds = includesAllKinds ? 1 : 0
        message.pointee.hidden = includesHidden ? 1 : 0
        message.pointee.details = withDetails ? 1 : 0
        message.pointee.after = builder.bytes(after)
        message.pointee.limit = UInt32(clamping: limit)
        return message
    }
}

extension FoundFile: WireMessage {
    /// Throws also for what is no path.
    init(_ message: Agentbroker__V1__FoundFile) throws(BackendError) {
        self.init(
            path: try WorkspacePath(MessageReader.bytes(message.path)),
            kind: FileInfo.Kind(rawValue: message.type.rawValue),
            info: message.info.map { FileInfo($0.pointee) }
        )
    }

    static func array(
        _ files: UnsafeMutablePointer<UnsafeMutablePointer<Agentbroker__V1__FoundFile>?>?,
        count: Int
    ) throws(BackendError) -> [FoundFile] {
        try MessageReader.array(files, count: count) { file throws(BackendError) in
            guard let file = file?.pointee else { return FoundFile(path: .root, kind: nil) }
            return try FoundFile(file)
        }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__FoundFile> {
        let message = builder.make(agentbroker__v1__found_file__init)
        message.pointee.path = builder.bytes(path.bytes)
        message.pointee.type = Agentbroker__V1__FileType(rawValue: kind?.rawValue ?? 0)
        message.pointee.info = info?.build(builder)
        return message
    }
}

extension FilePage: WireMessage {
    init(_ message: Agentbroker__V1__GlobReply) throws(BackendError) {
        let next = MessageReader.bytes(message.next)
        self.init(
            files: try FoundFile.array(message.files, count: message.n_files),
            next: next.isEmpty ? nil : try WorkspacePath(next),
            skipped: message.skipped
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__GlobReply> {
        let message = builder.make(agentbroker__v1__glob_reply__init)
        message.pointee.n_files = files.count
        message.pointee.files = builder.array(files) { $0.build(builder) }
        message.pointee.next = builder.bytes(next?.bytes ?? [])
        message.pointee.skipped = skipped
        return message
    }
}
