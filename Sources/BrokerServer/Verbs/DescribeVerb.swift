internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// Tells what a target's entry is, without making one.
struct Describe: SessionVerb {
    static let name = "describe"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        guard let target else {
            return .failed(BackendError(.invalidArgument, message: "describe needs a target: a key, or a lease"))
        }
        return .preparing(try reply(target, session, broker)) { .done(Answer(.describe($0))) }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        guard case .done(let answer) = attempt(call.target, in: session, of: broker) else {
            throw BackendError(.internal, message: "describe never waits")
        }
        return answer
    }

    private func reply(
        _ target: Target,
        _ session: Session,
        _ broker: BrokerCore
    ) throws(BackendError) -> DescribeReply {
        let held = target.lease == 0 ? nil : try session.held(target)
        let key = if let held { held.key } else { try session.poolKey(target) }
        var reply = DescribeReply(backend: key.type, key: key.name ?? "", isLive: held != nil)
        if key.type == .localFilesystem { reply.isolation = broker.isolation }
        if let description = broker.pool.describe(key) {
            reply.leases = UInt32(clamping: description.leases)
            switch description.state {
            case .active: reply.isLive = true
            case .idle(let idle):
                reply.isLive = true
                reply.idle = idle
            case .resting, .waitingForRoom, .creating: break
            }
        }
        if let entry = held?.lease.entry ?? broker.pool.peek(key) {
            reply.environmentNames = entry.org.environment.merging(entry.configuration.environment)
                .variables.map(\.name)
            reply.logMode = entry.log.mode
            reply.scopes = entry.scopePaths
        }
        return reply
    }
}
