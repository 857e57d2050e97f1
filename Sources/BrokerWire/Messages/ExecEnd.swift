package import AgentBackend
internal import CBrokerProtos

/// How the command ended.
package struct ExecEndReply: Sendable, Hashable {
    package var end: ExecEnd

    package init(end: ExecEnd) {
        self.end = end
    }
}

extension ExecEndReply: WireMessage {
    init(_ message: Agentbroker__V1__ExecEnd) throws(BackendError) {
        end = ExecEnd(
            outcome: ExecEnd.Outcome(message),
            usage: ExecEnd.Usage(message.usage?.pointee),
            isTreeEmpty: message.tree_not_empty == 0,
            lingeringProcesses: message.lingering_processes,
            reachedProcessLimit: message.process_limit_reached != 0
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecEnd> {
        let message = builder.make(agentbroker__v1__exec_end__init)
        end.outcome.fill(message, builder)
        message.pointee.usage = end.usage.build(builder)
        message.pointee.tree_not_empty = end.isTreeEmpty ? 0 : 1
        message.pointee.lingering_processes = end.lingeringProcesses
        message.pointee.process_limit_reached = end.reachedProcessLimit ? 1 : 0
        return message
    }
}

extension ExecEnd.Outcome {
    fileprivate init(_ message: Agentbroker__V1__ExecEnd) {
        switch message.outcome_case {
        case AGENTBROKER__V1__EXEC_END__OUTCOME_EXITED:
            self = .exited(code: message.exited?.pointee.code ?? 0)
        case AGENTBROKER__V1__EXEC_END__OUTCOME_TIMED_OUT:
            self = .timedOut(after: .milliseconds(message.timed_out?.pointee.timeout_ms ?? 0))
        case AGENTBROKER__V1__EXEC_END__OUTCOME_SIGNALED:
            // No signal has a number that does not fit into seven bits: waitpid(2).
            self = .signaled(Int32((message.signaled?.pointee.signal ?? 0) & 0x7f))
        case AGENTBROKER__V1__EXEC_END__OUTCOME_OUT_OF_MEMORY:
            self = .outOfMemory
        case AGENTBROKER__V1__EXEC_END__OUTCOME_OUTPUT_LIMIT:
            self = .outputLimit(message.output_limit?.pointee.allowed ?? 0)
        case AGENTBROKER__V1__EXEC_END__OUTCOME_CPU_TIME_LIMIT:
            self = .cpuTimeLimit(.milliseconds(message.cpu_time_limit?.pointee.allowed_ms ?? 0))
        case AGENTBROKER__V1__EXEC_END__OUTCOME_FILE_SIZE_LIMIT:
            self = .fileSizeLimit(message.file_size_limit?.pointee.allowed ?? 0)
        case AGENTBROKER__V1__EXEC_END__OUTCOME_DISK_QUOTA:
            self = .diskQuota(message.disk_quota?.pointee.allowed ?? 0)
        case AGENTBROKER__V1__EXEC_END__OUTCOME_SHUTTING_DOWN:
            self = .shuttingDown
        case AGENTBROKER__V1__EXEC_END__OUTCOME_SPAWN_FAILED:
            self = .spawnFailed(SpawnFailure(message.spawn_failed?.pointee))
        default:
            // Also one that ended in a way that only a newer broker knows.
            self = .cancelled
        }
    }

    fileprivate func fill(_ message: UnsafeMutablePointer<Agentbroker__V1__ExecEnd>, _ builder: MessageBuilder) {
        switch self {
        case .exited(let code):
            let exited = builder.make(agentbroker__v1__exec_exited__init)
            exited.pointee.code = code
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_EXITED
            message.pointee.exited = exited
        case .signaled(let signal):
            let signaled = builder.make(agentbroker__v1__exec_signaled__init)
            signaled.pointee.signal = UInt32(signal)
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_SIGNALED
            message.pointee.signaled = signaled
        case .timedOut(let deadline):
            let timedOut = builder.make(agentbroker__v1__exec_timed_out__init)
            timedOut.pointee.timeout_ms = deadline.inMilliseconds
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_TIMED_OUT
            message.pointee.timed_out = timedOut
        case .outOfMemory:
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_OUT_OF_MEMORY
            message.pointee.out_of_memory = builder.make(agentbroker__v1__exec_out_of_memory__init)
        case .outputLimit(let allowed):
            let limit = builder.make(agentbroker__v1__exec_output_limit__init)
            limit.pointee.allowed = allowed
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_OUTPUT_LIMIT
            message.pointee.output_limit = limit
        case .cpuTimeLimit(let allowed):
            let limit = builder.make(agentbroker__v1__exec_cpu_time_limit__init)
            limit.pointee.allowed_ms = allowed.inMilliseconds
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_CPU_TIME_LIMIT
            message.pointee.cpu_time_limit = limit
        case .fileSizeLimit(let allowed):
            let limit = builder.make(agentbroker__v1__exec_file_size_limit__init)
            limit.pointee.allowed = allowed
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_FILE_SIZE_LIMIT
            message.pointee.file_size_limit = limit
        case .diskQuota(let allowed):
            let limit = builder.make(agentbroker__v1__exec_disk_quota__init)
            limit.pointee.allowed = allowed
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_DISK_QUOTA
            message.pointee.disk_quota = limit
        case .cancelled:
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_CANCELLED
            message.pointee.cancelled = builder.make(agentbroker__v1__exec_cancelled__init)
        case .shuttingDown:
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_SHUTTING_DOWN
            message.pointee.shutting_down = builder.make(agentbroker__v1__exec_shutting_down__init)
        case .spawnFailed(let failure):
            message.pointee.outcome_case = AGENTBROKER__V1__EXEC_END__OUTCOME_SPAWN_FAILED
            message.pointee.spawn_failed = failure.build(builder)
        }
    }
}

extension SpawnFailure {
    fileprivate init(_ message: Agentbroker__V1__ExecSpawnFailed?) {
        self.init(
            kind: message.flatMap { Kind(rawValue: $0.kind.rawValue) } ?? .other,
            systemErrno: Int32(clamping: message?.errno_value ?? 0),
            stage: message.flatMap { Stage(rawValue: $0.stage.rawValue) } ?? .other
        )
    }

    fileprivate func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecSpawnFailed> {
        let message = builder.make(agentbroker__v1__exec_spawn_failed__init)
        message.pointee.kind = Agentbroker__V1__SpawnFailureKind(rawValue: kind.rawValue)
        message.pointee.errno_value = UInt32(clamping: systemErrno)
        message.pointee.stage = Agentbroker__V1__SpawnStage(rawValue: stage.rawValue)
        return message
    }
}

extension ExecEnd.Usage {
    fileprivate init(_ message: Agentbroker__V1__ExecUsage?) {
        self.init(
            wall: .microseconds(Int64(clamping: message?.wall_us ?? 0)),
            user: .microseconds(Int64(clamping: message?.user_us ?? 0)),
            system: .microseconds(Int64(clamping: message?.system_us ?? 0)),
            maximumResidentBytes: message?.max_rss_bytes ?? 0,
            standardOutputBytes: message?.stdout_bytes ?? 0,
            standardErrorBytes: message?.stderr_bytes ?? 0
        )
    }

    fileprivate func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ExecUsage> {
        let message = builder.make(agentbroker__v1__exec_usage__init)
        message.pointee.wall_us = wall.inMicroseconds
        message.pointee.user_us = user.inMicroseconds
        message.pointee.system_us = system.inMicroseconds
        message.pointee.max_rss_bytes = maximumResidentBytes
        message.pointee.stdout_bytes = standardOutputBytes
        message.pointee.stderr_bytes = standardErrorBytes
        return message
    }
}
