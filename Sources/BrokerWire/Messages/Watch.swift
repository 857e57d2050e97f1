package import AgentBackend
internal import CBrokerProtos
package import NIOCore

/// As it was given; the broker checks path and patterns.
package struct WatchFiles: Sendable, Hashable {
    package var path: [UInt8]
    package var isRecursive: Bool
    package var includes: [[UInt8]]
    package var excludes: [[UInt8]]

    package init(_ options: WatchOptions) {
        path = options.path.bytes
        isRecursive = options.isRecursive
        includes = options.includes.map(\.bytes)
        excludes = options.excludes.map(\.bytes)
    }

    /// Throws `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for what is no pattern or no path.
    package func parsed() throws(BackendError) -> WatchOptions {
        WatchOptions(
            path: try WorkspacePath(path),
            isRecursive: isRecursive,
            includes: try includes.map { pattern throws(BackendError) in try GlobPattern(pattern) },
            excludes: try excludes.map { pattern throws(BackendError) in try GlobPattern(pattern) }
        )
    }
}

extension WatchFiles: WireMessage {
    init(_ message: Agentbroker__V1__Watch) throws(BackendError) {
        path = MessageReader.bytes(message.path)
        isRecursive = message.recursive != 0
        includes = try MessageReader.array(message.includes, count: message.n_includes) { MessageReader.bytes($0) }
        excludes = try MessageReader.array(message.excludes, count: message.n_excludes) { MessageReader.bytes($0) }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Watch> {
        let message = builder.make(agentbroker__v1__watch__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.recursive = isRecursive ? 1 : 0
        message.pointee.n_includes = includes.count
        message.pointee.includes = builder.array(includes) { builder.bytes($0) }
        message.pointee.n_excludes = excludes.count
        message.pointee.excludes = builder.array(excludes) { builder.bytes($0) }
        return message
    }
}

/// What happened, without the paths, which are the payload.
package struct WatchEvents: Sendable, Hashable {
    package struct Event: Sendable, Hashable {
        /// Of ``FileChange/Kind``, or ``ready``; unknown ones included.
        package var kind: UInt32
        package var isDirectory: Bool
        package var pathLength: UInt32
        package var fromLength: UInt32
        package var missing: UInt64

        package init(
            kind: UInt32,
            isDirectory: Bool = false,
            pathLength: UInt32 = 0,
            fromLength: UInt32 = 0,
            missing: UInt64 = 0
        ) {
            self.kind = kind
            self.isDirectory = isDirectory
            self.pathLength = pathLength
            self.fromLength = fromLength
            self.missing = missing
        }
    }

    /// The first one of all.
    package static let ready = Event(kind: 1)

    package var events: [Event]

    package init(_ events: [Event]) {
        self.events = events
    }

    /// With the payload that belongs to them.
    package static func encoding(_ changes: [FileChange]) -> (WatchEvents, payload: ByteBuffer) {
        var payload = ByteBuffer()
        let events = changes.map { change in
            payload.writeBytes(change.path.bytes)
            payload.writeBytes(change.from?.bytes ?? [])
            return Event(
                kind: change.kind.rawValue,
                isDirectory: change.isDirectory,
                pathLength: UInt32(change.path.bytes.count),
                fromLength: UInt32(change.from?.bytes.count ?? 0),
                missing: change.missing
            )
        }
        return (WatchEvents(events), payload)
    }

    /// Bytes of payload that belong to them.
    package var payloadLength: Int { events.reduce(0) { $0 + Int($1.pathLength) + Int($1.fromLength) } }

    /// Takes the paths out of the payload. Nil: they do not fit it, or are none. Events of an unknown kind are left out.
    package func changes(_ payload: ByteBuffer) -> [FileChange]? {
        var rest = payload
        var changes: [FileChange] = []
        for event in events {
            guard let path = rest.readBytes(length: Int(event.pathLength)).flatMap({ try? WorkspacePath($0) }),
                let from = rest.readBytes(length: Int(event.fromLength)).flatMap({ try? WorkspacePath($0) })
            else { return nil }
            guard let kind = FileChange.Kind(rawValue: event.kind) else { continue }
            changes.append(
                FileChange(
                    kind,
                    path,
                    from: kind == .moved ? from : nil,
                    isDirectory: event.isDirectory,
                    missing: event.missing
                )
            )
        }
        return rest.readableBytes == 0 ? changes : nil
    }
}

extension WatchEvents: WireMessage {
    init(_ message: Agentbroker__V1__WatchEvents) throws(BackendError) {
        events = try MessageReader.array(message.events, count: message.n_events) { event in
            guard let event = event?.pointee else { return Event(kind: 0) }
            return Event(
                kind: event.kind.rawValue,
                isDirectory: event.is_directory != 0,
                pathLength: event.path_length,
                fromLength: event.from_length,
                missing: event.missing
            )
        }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__WatchEvents> {
        let message = builder.make(agentbroker__v1__watch_events__init)
        message.pointee.n_events = events.count
        message.pointee.events = builder.array(events) { event in
            let message = builder.make(agentbroker__v1__watch_event__init)
            message.pointee.kind = Agentbroker__V1__WatchEventKind(rawValue: event.kind)
            message.pointee.is_directory = event.isDirectory ? 1 : 0
            message.pointee.path_length = event.pathLength
            message.pointee.from_length = event.fromLength
            message.pointee.missing = event.missing
            return message
        }
        return message
    }
}
