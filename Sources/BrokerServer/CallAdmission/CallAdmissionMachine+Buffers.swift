internal import AgentBackend

/// What an org's connections make the broker keep beside calls: frames that are not whole yet, and answers that are not
/// read.
///
/// Calls cannot be refused for it, for it is there already. So it has a bound of its own, as high as that of calls, and
/// where it is exceeded the connection that keeps most has to go.
extension CallAdmissionMachine {
    /// A connection keeps so many bytes now; 0 where it ends. Returns the one that has to go, which counts no more.
    mutating func keepsBuffers(
        _ bytes: Int,
        connection: UInt64,
        org: Org.ID
    ) -> (connection: UInt64, error: BackendError)? {
        let account = account(of: org)
        let before = accounts[account].buffers[connection] ?? 0
        accounts[account].buffers[connection] = bytes > 0 ? bytes : nil
        accounts[account].bufferedBytes += bytes - before
        let (used, allowed) = (accounts[account].bufferedBytes, accounts[account].limits.bufferedBytes)
        guard bytes > before, used > allowed,
            let most = accounts[account].buffers.max(by: { $0.value < $1.value })
        else { return nil }
        accounts[account].buffers[most.key] = nil
        accounts[account].bufferedBytes -= most.value
        return (most.key, refusal(.bufferedBytes, account, used, allowed, retryAfter: Self.leastWait))
    }
}

extension CallAdmissionLimits {
    /// Bytes of frames and answers that the org's connections make the broker keep. Never so few that one connection
    /// could not receive a long frame and be sent a long answer.
    var bufferedBytes: Int { max(bytesInFlight, 8 << 20) }
}
