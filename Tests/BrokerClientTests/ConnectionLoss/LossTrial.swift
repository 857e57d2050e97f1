import AgentBackend
import BrokerTestKit
import Synchronization
import Testing

@testable import BrokerClient

/// One call over a connection that is cut at one place, and what has to hold after it.
struct LossTrial: Sendable {
    let verb: LossVerb
    let broker: InProcessBroker
    /// Nil: it is not cut.
    var cut: Cut?

    private static let lastKey = Atomic<UInt64>(0)

    /// Returns what came along.
    @discardableResult
    func run() async throws -> Passage {
        let key = "trial-\(Self.lastKey.add(1, ordering: .relaxed).newValue)"
        try await RemoteFilesystemBackend.withBackend(configuration(port: broker.port, key)) {
            try await verb.prepare($0)
        }
        return try await FrameProxy.run(to: broker.port, cut: cut) { proxy, port in
            var configuration = configuration(port: Int(port), key)
            if verb.takesLease { configuration.entry = EntryConfiguration(environment: try Environment(["A": "1"])) }
            let backend = try RemoteFilesystemBackend(configuration)
            let statuses = StatusLog(backend.statusChanges())
            let error: BackendError?
            do {
                try await verb.perform(backend)
                error = nil
            } catch let thrown as BackendError {
                error = thrown
            } catch {
                await backend.destroy()
                throw error
            }
            let passage = try await proxy.disarm()
            try await check(backend, statuses, passage, error)
            while try await proxy.openConnections() > 0 { await Task.yield() }
            return passage
        }
    }

    private func check(
        _ backend: RemoteFilesystemBackend,
        _ statuses: StatusLog,
        _ passage: Passage,
        _ error: BackendError?
    ) async throws {
        let comment = Comment(
            "\(verb.name): \(cut?.testDescription ?? "no cut"): \(error.map { "\($0)" } ?? "success")"
        )
        // The hello's answer and, with a lease, that of taking it.
        let wasConnected = passage.forwarded[.toClient, default: 0] >= (verb.takesLease ? 2 : 1)
        var seen: [BackendStatus] = []
        if passage.isCut { seen = await statuses.next(through: .disconnected) }

        // The next call finds a connection, or waits for one.
        let effects = try await verb.effects?(backend) ?? 0
        _ = try await backend.exists("f")
        await backend.destroy()
        seen += await statuses.next(through: .destroyed)
        // Where silence is the end, a machine that is slow may be silent before the cut.
        let isLost = passage.isCut || cut?.manner == .silence && seen.contains(.disconnected)
        let expected: [BackendStatus] =
            if !isLost {
                [.connecting, .connected, .destroyed]
            } else if wasConnected {
                [.connecting, .connected, .disconnected, .reconnecting, .connecting, .connected, .destroyed]
            } else {
                [.connecting, .disconnected, .connecting, .connected, .destroyed]
            }
        #expect(seen == expected, comment)

        guard let error else {
            if verb.effects != nil { #expect(effects == 1, comment) }
            return
        }
        #expect(isLost, comment)
        #expect(error.code == .connectionClosed, comment)
        #expect(error.isRetryable != error.maybeExecuted, comment)
        #expect(effects <= 1, comment)
        if error.maybeExecuted {
            #expect(!verb.isRepeated, comment)
            #expect(wasConnected, comment)
        } else {
            // It never left, and nobody was there to take it again: the attempt that it waited for was made once.
            #expect(passage.callsForwarded == 0 && effects == 0, comment)
            #expect(!wasConnected, comment)
        }
        #expect(passage.callsForwarded == 0 || error.maybeExecuted, comment)
    }

    private func configuration(port: Int, _ key: String) -> RemoteFilesystemBackend.Configuration {
        var connection = BrokerConnection.Configuration()
        connection.keepaliveMisses = 1
        return RemoteFilesystemBackend.Configuration(
            address: .tcp(host: "127.0.0.1", port: UInt16(port)),
            token: broker.token(),
            target: BrokerTarget(key: key),
            connection: connection,
            reconnection: ReconnectPolicy(firstDelay: .zero),
            resend: verb.resend
        )
    }
}
