package import AgentBackend
internal import CBrokerProtos

/// As it was given; the broker checks path and patterns.
package struct Archive: Sendable, Hashable {
    package var path: [UInt8]
    package var compression: ArchiveOptions.Compression
    package var excludes: [[UInt8]]

    package init(path: [UInt8], _ options: ArchiveOptions = ArchiveOptions()) {
        self.path = path
        compression = options.compression
        excludes = options.excludes.map(\.bytes)
    }

    /// Throws `INVALID_ARGUMENT` for what is no pattern.
    package func parsed() throws(BackendError) -> ArchiveOptions {
        ArchiveOptions(
            compression: compression,
            excludes: try excludes.map { pattern throws(BackendError) in try GlobPattern(pattern) }
        )
    }
}

extension Archive: WireMessage {
    init(_ message: Agentbroker__V1__Archive) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        guard let compression = ArchiveOptions.Compression(rawValue: message.compression.rawValue) else {
            throw MessageReader.unknownValue("archive.compression", message.compression.rawValue)
        }
        self.compression = compression
        excludes = try MessageReader.array(message.excludes, count: message.n_excludes) { MessageReader.bytes($0) }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Archive> {
        let message = builder.make(agentbroker__v1__archive__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.compression = Agentbroker__V1__ArchiveCompression(rawValue: compression.rawValue)
        message.pointee.n_excludes = excludes.count
        message.pointee.excludes = builder.array(excludes) { builder.bytes($0) }
        return message
    }
}

extension ArchiveSummary: WireMessage {
    init(_ message: Agentbroker__V1__ArchiveReply) {
        self.init(
            entries: message.entries,
            bytes: message.bytes,
            skipped: message.skipped,
            changed: message.changed
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ArchiveReply> {
        let message = builder.make(agentbroker__v1__archive_reply__init)
        message.pointee.entries = entries
        message.pointee.bytes = bytes
        message.pointee.skipped = skipped
        message.pointee.changed = changed
        return message
    }
}

/// As it was given; the broker checks the path.
package struct Extract: Sendable, Hashable {
    package var path: [UInt8]
    package var options: ExtractOptions

    package init(path: [UInt8], options: ExtractOptions = ExtractOptions()) {
        self.path = path
        self.options = options
    }
}

extension Extract: WireMessage {
    init(_ message: Agentbroker__V1__Extract) {
        path = MessageReader.bytes(message.path)
        options = ExtractOptions(replacesExisting: message.keep_existing == 0)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Extract> {
        let message = builder.make(agentbroker__v1__extract__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.keep_existing = options.replacesExisting ? 0 : 1
        return message
    }
}

extension ExtractResult: WireMessage {
    init(_ message: Agentbroker__V1__ExtractReply) {
        self.init(
            files: message.files,
            directories: message.directories,
            links: message.links,
            bytes: message.bytes
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExtractReply> {
        let message = builder.make(agentbroker__v1__extract_reply__init)
        message.pointee.files = files
        message.pointee.directories = directories
        message.pointee.links = links
        message.pointee.bytes = bytes
        return message
    }
}
