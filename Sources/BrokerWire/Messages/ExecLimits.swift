package import AgentBackend
internal import CBrokerProtos

extension ExecLimits: WireMessage {
    init(_ message: Agentbroker__V1__ExecLimits) {
        self.init(
            cpuTime: Duration(wireMilliseconds: message.cpu_time_ms),
            memoryBytes: message.memory_bytes == 0 ? nil : message.memory_bytes,
            processes: message.processes == 0 ? nil : Int(message.processes),
            openFiles: message.open_files == 0 ? nil : Int(message.open_files),
            fileBytes: message.file_bytes == 0 ? nil : message.file_bytes,
            outputBytes: message.output_bytes == 0 ? nil : message.output_bytes
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecLimits> {
        let message = builder.make(agentbroker__v1__exec_limits__init)
        message.pointee.cpu_time_ms = cpuTime?.inMilliseconds ?? 0
        message.pointee.memory_bytes = memoryBytes ?? 0
        message.pointee.processes = UInt32(clamping: processes ?? 0)
        message.pointee.open_files = UInt32(clamping: openFiles ?? 0)
        message.pointee.file_bytes = fileBytes ?? 0
        message.pointee.output_bytes = outputBytes ?? 0
        return message
    }
}

extension CommandNetwork {
    init(wire policy: Agentbroker__V1__NetworkPolicy) throws(BackendError) {
        guard policy.rawValue != 0 else {
            self = .none
            return
        }
        guard let known = CommandNetwork(rawValue: policy.rawValue) else {
            throw MessageReader.unknownValue("exec_start.network", policy.rawValue)
        }
        self = known
    }
}
