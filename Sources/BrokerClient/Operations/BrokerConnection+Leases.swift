public import AgentBackend
internal import BrokerWire

/// A lease on an entry of the broker's pool. While it is held, the entry is neither idle nor replaced.
public struct BrokerLease: Sendable, Hashable {
    /// The target that it was taken for, by this lease.
    public var target: BrokerTarget
    /// On its connection. Never 0.
    public var id: UInt64
    /// The entry was made for it.
    public var created: Bool
}

extension BrokerConnection {
    /// Takes a lease on the target's entry, made now if there is none. It ends by ``release(_:call:)`` or with the
    /// connection. `configuration` is what a new entry gets, over the broker's defaults; one that lives with another is
    /// `CONFLICT`. Nil: any will do.
    public func acquire(
        _ target: BrokerTarget,
        configuration: EntryConfiguration? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerLease {
        let reply = try await perform(.acquire(configuration), on: target, call: options)
        var leased = target
        leased.lease = reply.lease
        return BrokerLease(target: leased, id: reply.lease, created: reply.created)
    }

    /// Gives a lease back. False: it was not held any more.
    @discardableResult
    public func release(
        _ lease: BrokerLease,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        try await perform(.release(lease.id), on: nil, call: options)
    }

    /// Runs `body` with a lease on the target's entry, and gives it back: also when `body` throws or its task is
    /// cancelled. The target that `body` gets names the lease.
    public func withLease<Value>(
        on target: BrokerTarget,
        configuration: EntryConfiguration? = nil,
        call options: BrokerCallOptions = BrokerCallOptions(),
        _ body: (BrokerTarget) async throws -> Value
    ) async throws -> Value {
        let lease = try await acquire(target, configuration: configuration, call: options)
        do {
            let value = try await body(lease.target)
            await giveBack(lease)
            return value
        } catch {
            await giveBack(lease)
            throw error
        }
    }

    /// A task that was cancelled gives its lease back too. Failing is no matter: a connection that is gone holds none.
    private func giveBack(_ lease: BrokerLease) async {
        let request = CallRequest(.release(Release(lease: lease.id)), on: nil, options: BrokerCallOptions())
        await ClientCall(request, from: self).waitForEnd()
    }

    /// What the target's entry is, without making one.
    public func describe(
        _ target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> EntryDescription {
        try await perform(.describe, on: target, call: options)
    }
}
