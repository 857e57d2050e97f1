import Synchronization

/// Bytes that the memory backends of one tenant may hold together: contents and names of their keys, and a little for
/// each. Safe to use from any thread.
public final class MemoryBudget: Sendable {
    private let limit: ByteLimit
    private let used = Atomic<UInt64>(0)
    private let outer: MemoryBudget?

    /// `outer`: one that what is held here counts against too, as an entry's against that of its org.
    public init(allowed: UInt64, within outer: MemoryBudget? = nil) {
        limit = ByteLimit(allowed)
        self.outer = outer
    }

    /// Bytes.
    public var allowed: UInt64 { limit.bytes }

    /// Allows more or less from now on. What is held already stays, also where it is more.
    package func allow(_ bytes: UInt64) {
        limit.set(bytes)
    }

    /// Bytes that are held now.
    public var held: UInt64 { used.load(ordering: .relaxed) }

    /// Throws `RESOURCE_EXHAUSTED` where growing from `old` to `new` bytes would go over what is allowed.
    func change(from old: Int, to new: Int) throws(BackendError) {
        guard new > old else { return release(old - new) }
        let growth = UInt64(new - old)
        let allowed = allowed
        let total = used.add(growth, ordering: .relaxed).newValue
        guard total <= allowed else {
            subtract(growth)
            throw BackendError(
                .resourceExhausted,
                message: "memory backends hold \(total - growth) of \(allowed) bytes and \(growth) more were "
                    + "asked for: remove keys, or have the limit raised",
                limit: LimitDetails(name: "memory_bytes", used: total - growth, allowed: allowed)
            )
        }
        do throws(BackendError) {
            try outer?.change(from: old, to: new)
        } catch {
            subtract(growth)
            throw error
        }
    }

    /// As ``change(from:to:)``, for a difference that is known.
    func change(by growth: Int) throws(BackendError) {
        try change(from: max(0, -growth), to: max(0, growth))
    }

    func release(_ bytes: Int) {
        subtract(UInt64(max(0, bytes)))
        outer?.release(bytes)
    }

    /// Never below nothing: a mistake in one tenant's accounts must not end the process of all.
    private func subtract(_ bytes: UInt64) {
        var held = used.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = used.weakCompareExchange(
                expected: held,
                desired: held - min(held, bytes),
                ordering: .relaxed
            )
            if exchanged { return }
            held = original
        }
    }
}
