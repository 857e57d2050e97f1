package import AgentBackend
internal import CBrokerProtos

/// Lists commands in the background.
package struct ExecList: Sendable, Hashable {
    /// 0: from the start.
    package var after: UInt64
    /// 0: the broker's.
    package var limit: UInt32

    package init(after: UInt64 = 0, limit: UInt32 = 0) {
        self.after = after
        self.limit = limit
    }
}

extension ExecList: WireMessage {
    init(_ message: Agentbroker__V1__ExecList) {
        after = message.after
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecList> {
        let message = builder.make(agentbroker__v1__exec_list__init)
        message.pointee.after = after
        message.pointee.limit = limit
        return message
    }
}

package struct ExecPage: Sendable, Hashable {
    package var execs: [BackgroundCommandInfo]
    package var isTruncated: Bool

    package init(execs: [BackgroundCommandInfo], isTruncated: Bool) {
        self.execs = execs
        self.isTruncated = isTruncated
    }
}

extension ExecPage: WireMessage {
    init(_ message: Agentbroker__V1__ExecListReply) throws(BackendError) {
        execs = try MessageReader.array(message.execs, count: message.n_execs) { exec throws(BackendError) in
            guard let exec = exec?.pointee else { throw MessageCodec.malformed }
            return try BackgroundCommandInfo(exec)
        }
        isTruncated = message.truncated != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecListReply> {
        let message = builder.make(agentbroker__v1__exec_list_reply__init)
        message.pointee.n_execs = execs.count
        message.pointee.execs = builder.array(execs) { $0.build(builder) }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

extension BackgroundCommandInfo: WireMessage {
    init(_ message: Agentbroker__V1__ExecInfo) throws(BackendError) {
        self.init(
            id: message.exec,
            command: MessageReader.bytes(message.command),
            scope: try WorkspacePath(MessageReader.bytes(message.scope_path)),
            isolation: try MessageReader.string(message.isolation, "exec_info.isolation"),
            startedNanoseconds: message.started_ns,
            written: StreamOffsets(message.written?.pointee),
            keptFrom: StreamOffsets(message.kept_from?.pointee),
            end: try message.end.map { end throws(BackendError) in try ExecEndReply(end.pointee).end }
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecInfo> {
        let message = builder.make(agentbroker__v1__exec_info__init)
        message.pointee.exec = id
        message.pointee.command = builder.bytes(command)
        message.pointee.scope_path = builder.bytes(scope.bytes)
        message.pointee.isolation = builder.string(isolation)
        message.pointee.started_ns = startedNanoseconds
        message.pointee.written = written.build(builder)
        message.pointee.kept_from = keptFrom.build(builder)
        message.pointee.end = end.map { ExecEndReply(end: $0).build(builder) }
        return message
    }
}

extension StreamOffsets {
    /// Absent: the beginning.
    init(_ message: Agentbroker__V1__StreamOffsets?) {
        self.init(standardOutput: message?.stdout_offset ?? 0, standardError: message?.stderr_offset ?? 0)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__StreamOffsets> {
        let message = builder.make(agentbroker__v1__stream_offsets__init)
        message.pointee.stdout_offset = standardOutput
        message.pointee.stderr_offset = standardError
        return message
    }
}

/// Reads a command in the background from these offsets on.
package struct ExecAttach: Sendable, Hashable {
    package var exec: UInt64
    package var offsets: StreamOffsets
    /// In place of a target. Empty: it is the target's.
    package var org: String

    package init(exec: UInt64, offsets: StreamOffsets = .beginning, org: String = "") {
        self.exec = exec
        self.offsets = offsets
        self.org = org
    }
}

extension ExecAttach: WireMessage {
    init(_ message: Agentbroker__V1__ExecAttach) throws(BackendError) {
        exec = message.exec
        offsets = StreamOffsets(message.from?.pointee)
        org = try MessageReader.string(message.org, "exec_attach.org")
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecAttach> {
        let message = builder.make(agentbroker__v1__exec_attach__init)
        message.pointee.exec = exec
        message.pointee.from = offsets.build(builder)
        message.pointee.org = builder.string(org)
        return message
    }
}

/// Bytes that are kept no more.
package struct ExecGap: Sendable, Hashable {
    package var stream: CommandStream
    package var missing: Range<UInt64>

    package init(stream: CommandStream, missing: Range<UInt64>) {
        self.stream = stream
        self.missing = missing
    }
}

extension ExecGap: WireMessage {
    init(_ message: Agentbroker__V1__ExecGap) throws(BackendError) {
        stream = try CommandStream(wire: message.stream, "exec_gap.stream")
        let (end, isTooLong) = message.offset.addingReportingOverflow(message.length)
        guard !isTooLong else { throw MessageCodec.malformed }
        missing = message.offset..<end
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecGap> {
        let message = builder.make(agentbroker__v1__exec_gap__init)
        message.pointee.stream = stream.wire
        message.pointee.offset = missing.lowerBound
        message.pointee.length = missing.upperBound - missing.lowerBound
        return message
    }
}

/// Waits for the end of a command in the background.
package struct ExecWait: Sendable, Hashable {
    package var exec: UInt64

    package init(exec: UInt64) {
        self.exec = exec
    }
}

extension ExecWait: WireMessage {
    init(_ message: Agentbroker__V1__ExecWait) {
        exec = message.exec
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecWait> {
        let message = builder.make(agentbroker__v1__exec_wait__init)
        message.pointee.exec = exec
        return message
    }
}

/// Sends a signal to a command in the background or, by its call on the same connection, in the foreground.
package struct ExecSignal: Sendable, Hashable {
    package var exec: UInt64
    /// 0: it is one in the background.
    package var call: UInt64
    /// As it was given.
    package var signal: UInt32

    package init(exec: UInt64 = 0, call: UInt64 = 0, signal: UInt32) {
        self.exec = exec
        self.call = call
        self.signal = signal
    }
}

extension ExecSignal: WireMessage {
    init(_ message: Agentbroker__V1__ExecSignal) {
        exec = message.exec
        call = message.call
        signal = message.signal
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecSignal> {
        let message = builder.make(agentbroker__v1__exec_signal__init)
        message.pointee.exec = exec
        message.pointee.call = call
        message.pointee.signal = signal
        return message
    }
}
