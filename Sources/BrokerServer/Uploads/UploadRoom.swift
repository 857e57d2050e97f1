internal import AgentBackend
internal import Synchronization

/// How many uploads the orgs have, and how many bytes are in them. Safe to use from any thread.
final class UploadRoom: Sendable {
    struct Limits {
        /// Uploads of one org.
        var uploads: Int
        /// Bytes in all of them.
        var bytes: UInt64
        /// Time without a call after which one is given up.
        var idleTimeout: Duration
    }

    private struct Use: Equatable {
        var uploads = 0
        var bytes: UInt64 = 0
    }

    /// As they are now.
    let limits: @Sendable () -> Limits
    private let uses = Mutex<[Org.ID: Use]>([:])

    init(limits: @escaping @Sendable () -> Limits) {
        self.limits = limits
    }

    /// One more upload. Throws `RESOURCE_EXHAUSTED`.
    func open(of org: Org.ID) throws(BackendError) {
        let allowed = limits().uploads
        try uses.withLock { uses throws(BackendError) in
            let used = uses[org]?.uploads ?? 0
            guard used < allowed else {
                throw BackendError(
                    .resourceExhausted,
                    message: "the org has \(used) uploads under way, of \(allowed) allowed: finish or abort one first",
                    isRetryable: true,
                    limit: LimitDetails(name: "uploads", used: UInt64(used), allowed: UInt64(allowed))
                )
            }
            uses[org, default: Use()].uploads += 1
        }
    }

    /// Bytes that come. Throws `RESOURCE_EXHAUSTED`.
    func take(_ bytes: UInt64, of org: Org.ID) throws(BackendError) {
        let allowed = limits().bytes
        try uses.withLock { uses throws(BackendError) in
            let used = uses[org]?.bytes ?? 0
            guard bytes <= allowed, used <= allowed - bytes else {
                throw BackendError(
                    .resourceExhausted,
                    message: "the org's uploads have \(used) bytes of \(allowed) allowed, and \(bytes) more came: "
                        + "finish or abort one of them first",
                    isRetryable: true,
                    limit: LimitDetails(name: "upload_bytes", used: used, asked: bytes, allowed: allowed)
                )
            }
            uses[org, default: Use()].bytes += bytes
        }
    }

    /// Bytes that did not come.
    func giveBack(_ bytes: UInt64, of org: Org.ID) {
        release(Use(bytes: bytes), of: org)
    }

    /// An upload less, with so many bytes.
    func close(of org: Org.ID, bytes: UInt64) {
        release(Use(uploads: 1, bytes: bytes), of: org)
    }

    private func release(_ amount: Use, of org: Org.ID) {
        uses.withLock { uses in
            guard var use = uses[org] else { return }
            use.uploads -= amount.uploads
            use.bytes -= amount.bytes
            // An org without uploads takes no memory.
            uses[org] = use == Use() ? nil : use
        }
    }

    /// Of an org.
    func used(of org: Org.ID) -> (uploads: Int, bytes: UInt64) {
        let use = uses.withLock { $0[org] } ?? Use()
        return (use.uploads, use.bytes)
    }
}

extension UploadRoom.Limits {
    init(_ limits: BrokerConfiguration.Limits) {
        self.init(
            uploads: limits.maxUploadsPerOrg,
            bytes: UInt64(limits.maxUploadBytesPerOrg),
            idleTimeout: limits.uploadIdleTimeout
        )
    }
}
