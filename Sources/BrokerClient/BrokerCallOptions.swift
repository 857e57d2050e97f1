internal import AgentBackend
internal import BrokerWire
internal import Instrumentation

/// What a caller may say of any call.
public struct BrokerCallOptions: Sendable, Hashable {
    /// Time for the call as a whole, the wait for a place included; then `DEADLINE_EXCEEDED`. Nil: none.
    public var deadline: Duration?
    /// Time to wait for a place in the broker's pool; then `RESOURCE_EXHAUSTED`. Nil: the broker's default.
    public var queueDeadline: Duration?
    /// Calls of one lane and connection take effect in the order in which they were made. 0: no lane.
    public var lane: UInt32

    /// Of a call that changes something: sent again with the same key, also on another connection, it has its effect
    /// once and is answered as the first was. At most 256 bytes; empty: none. Another request with the same key is
    /// `CONFLICT`.
    public var idempotencyKey: String

    /// What the call is a part of, as W3C Trace Context writes it: `00-{trace}-{span}-{flags}`. The broker hands it, or
    /// its own span beneath it, into commands as `TRACEPARENT`. Empty: as the task's `ServiceContext` says, where the
    /// process has a tracer, else nothing.
    public var traceparent: String

    public init(
        deadline: Duration? = nil,
        queueDeadline: Duration? = nil,
        lane: UInt32 = 0,
        idempotencyKey: String = "",
        traceparent: String = ""
    ) {
        self.deadline = deadline
        self.queueDeadline = queueDeadline
        self.lane = lane
        self.idempotencyKey = idempotencyKey
        self.traceparent = traceparent
    }

    /// With the features that the call depends on, so that an older broker refuses what it would otherwise not keep.
    func wire(for operation: Operation) -> CallOptions {
        var features: [Feature] = []
        if lane != 0 { features.append(.lanes) }
        if deadline != nil { features.append(.callDeadline) }
        if queueDeadline != nil { features.append(.queueDeadline) }
        if !idempotencyKey.isEmpty { features.append(.idempotencyKeys) }
        switch operation {
        case .write(let write):
            if write.options.mode != .replace { features.append(.writeModes) }
            if write.options.expectedEtag != nil { features.append(.expectedEtag) }
        case .acquire(let acquire):
            guard let configuration = acquire.configuration else { break }
            if configuration.hasLimits { features.append(.entryLimits) }
            if configuration.limits.exec != ExecLimits() { features.append(.execLimits) }
        case .rename(let call) where call.options.expectedEtag != nil: features.append(.conditionalChanges)
        case .copy(let call) where call.options.expectedEtag != nil: features.append(.conditionalChanges)
        case .rm(let call) where call.options.expectedEtag != nil: features.append(.conditionalChanges)
        case .execStart(let start):
            if start.timeout != nil { features.append(.processDeadline) }
            if start.isDetached { features.append(.backgroundExecs) }
            if start.terminal != nil { features.append(.terminals) }
            if start.limits != ExecLimits() || start.network != .none { features.append(.execLimits) }
        case .archive, .extract: features.append(.archives)
        case .uploadBegin, .uploadAppend, .uploadFinish, .uploadAbort, .checksum: features.append(.transfers)
        default: break
        }
        let traceparent = traceparent.isEmpty ? Self.currentTraceparent : traceparent
        guard !features.isEmpty || !traceparent.isEmpty else { return CallOptions() }
        return CallOptions(
            lane: lane,
            CallOptions.Special(
                // Below a millisecond is not none.
                deadline: deadline.map { max($0, .milliseconds(1)) },
                queueDeadline: queueDeadline.map { max($0, .milliseconds(1)) },
                requires: features.map(\.rawValue),
                traceparent: traceparent,
                idempotencyKey: idempotencyKey
            )
        )
    }
}

extension BrokerCallOptions {
    /// Of the task; empty: there is none.
    private static var currentTraceparent: String { ServiceContext.current.map(traceparent(of:)) ?? "" }

    static func traceparent(of context: ServiceContext) -> String {
        var fields: [String: String] = [:]
        InstrumentationSystem.instrument.inject(context, into: &fields, using: FieldInjector())
        return fields["traceparent"] ?? ""
    }

    private struct FieldInjector: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
            carrier[key.lowercased()] = value
        }
    }
}

extension EntryConfiguration {
    fileprivate var hasLimits: Bool { limits != EntryLimits() || idleTimeout != nil }
}
