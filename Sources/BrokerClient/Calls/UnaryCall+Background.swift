internal import AgentBackend
internal import BrokerWire

extension UnaryCall<ExecStarted> {
    static func execDetached(_ request: ExecRequest) -> Self {
        Self(operation: .execStart(ExecStart(request, isDetached: true))) {
            if case .execStarted(let started) = $0, started.exec != 0 { started } else { nil }
        }
    }
}

extension UnaryCall<ExecPage> {
    static func execList(after id: UInt64) -> Self {
        Self(operation: .execList(ExecList(after: id))) { if case .execList(let page) = $0 { page } else { nil } }
    }
}

extension UnaryCall<ExecEnd> {
    static func execWait(_ id: UInt64) -> Self {
        Self(operation: .execWait(ExecWait(exec: id))) { if case .execEnd(let reply) = $0 { reply.end } else { nil } }
    }
}

extension UnaryCall<Void> {
    static func execSignal(_ id: UInt64, _ signal: Int32) -> Self {
        Self(operation: .execSignal(ExecSignal(exec: id, signal: UInt32(clamping: signal)))) {
            if case .execSignal = $0 { () } else { nil }
        }
    }

    static func execResize(_ id: UInt64, _ size: TerminalSize) -> Self {
        Self(operation: .execResize(ExecResize(exec: id, size: size))) {
            if case .execResize = $0 { () } else { nil }
        }
    }
}
