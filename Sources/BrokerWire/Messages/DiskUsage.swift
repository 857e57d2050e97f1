package import AgentBackend
internal import CBrokerProtos

package struct MeasureUsage: Sendable, Hashable {
    package var path: [UInt8]
    /// Empty: from the start.
    package var after: [UInt8]
    /// 0: the broker's.
    package var limit: Int

    package init(path: [UInt8], _ options: DiskUsageOptions = DiskUsageOptions()) {
        self.path = path
        after = options.after?.bytes ?? []
        limit = options.limit
    }

    /// Throws `INVALID_ARGUMENT` or `PATH_ESCAPE_ATTEMPT` for what is no path.
    package func parsed() throws(BackendError) -> DiskUsageOptions {
        DiskUsageOptions(after: after.isEmpty ? nil : try WorkspacePath(after), limit: limit)
    }
}

extension MeasureUsage: WireMessage {
    init(_ message: Agentbroker__V1__DiskUsage) {
        path = MessageReader.bytes(message.path)
        after = MessageReader.bytes(message.after)
        limit = Int(message.limit)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DiskUsage> {
        let message = builder.make(agentbroker__v1__disk_usage__init)
        message.pointee.path = builder.bytes(path)
        message.pointee.after = builder.bytes(after)
        message.pointee.limit = UInt32(clamping: limit)
        return message
    }
}

extension DiskUsage: WireMessage {
    init(_ message: Agentbroker__V1__DiskUsageReply) throws(BackendError) {
        let next = MessageReader.bytes(message.next)
        self.init(
            files: message.files,
            directories: message.directories,
            bytes: message.bytes,
            allocatedBytes: message.allocated_bytes,
            skipped: message.skipped,
            next: next.isEmpty ? nil : try WorkspacePath(next)
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DiskUsageReply> {
        let message = builder.make(agentbroker__v1__disk_usage_reply__init)
        message.pointee.files = files
        message.pointee.directories = directories
        message.pointee.bytes = bytes
        message.pointee.allocated_bytes = allocatedBytes
        message.pointee.skipped = skipped
        message.pointee.next = builder.bytes(next?.bytes ?? [])
        return message
    }
}
