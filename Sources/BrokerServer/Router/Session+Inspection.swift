internal import AgentBackend

/// Whose affairs a session sees.
extension Session {
    /// The org that is asked for; nil: all orgs. Throws `PERMISSION_DENIED` for another than the token's own, and, for
    /// operators alone, `NOT_FOUND`: who may not ask is not told which orgs there are.
    func inspected(_ asked: String, of broker: BrokerCore) throws(BackendError) -> Org? {
        if principal.isOperator {
            guard !asked.isEmpty else { return nil }
            if let org = broker.tenancy.current.orgs[asked] { return org }
            throw BackendError(
                .notFound,
                reason: .notFound,
                message: "there is no org \"\(asked)\" in the broker's configuration: name another"
            )
        }
        guard asked.isEmpty || asked == principal.org.name else {
            throw BackendError(
                .permissionDenied,
                reason: .denied,
                message: "token \(principal.tokenID) sees its own org alone: name none, or use an operator's token"
            )
        }
        return principal.org
    }
}
