internal import AgentBackend
internal import BrokerServer
internal import Hummingbird

extension Request {
    /// That it was refused, for the audit log. Of its address the path alone: a query may hold what a client types.
    func refusal(
        _ part: String,
        _ kind: FrontRefusal.Kind,
        _ code: BackendError.Code,
        _ why: String
    ) -> FrontRefusal {
        let path = (head.path ?? "").prefix { $0 != "?" }
        return FrontRefusal(part, kind, subject: "\(method.rawValue) \(path): \(why)", code: code)
    }
}
