import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// A real broker that takes one call at a time of a connection, which is lost at every point: calls that wait their turn
/// are not lost with it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct QueuedCallsLossTests {
    private static let lines = ["a", "b", "c", "d"]

    @Test func callsThatWaitTheirTurnAreMadeOverTheNextConnection() async throws {
        try await withLossBroker {
            $0.limits.maxCallsInFlightPerConnection = 1
        } _: { (broker: InProcessBroker) async throws in
            let whole = try await trial(broker, key: "whole", cut: nil)
            var cuts = 0
            for direction in Cut.Direction.allCases {
                for index in 0..<whole.forwarded[direction, default: 0] {
                    for isForwarded in [false, true] {
                        let cut = Cut(direction: direction, index: index, isForwarded: isForwarded)
                        let key = "\(direction == .toBroker ? "up" : "down")-\(index)-\(isForwarded)"
                        if try await trial(broker, key: key, cut: cut).isCut { cuts += 1 }
                    }
                }
            }
            #expect(cuts == 2 * 2 * (Self.lines.count + 1))
        }
    }

    private func trial(_ broker: InProcessBroker, key: String, cut: Cut?) async throws -> Passage {
        try await FrameProxy.run(to: broker.port, cut: cut) { proxy, port in
            let backend = try RemoteFilesystemBackend(
                RemoteFilesystemBackend.Configuration(
                    address: .tcp(host: "127.0.0.1", port: port),
                    token: broker.token(),
                    target: BrokerTarget(key: key),
                    reconnection: ReconnectPolicy(firstDelay: .zero)
                )
            )
            let errors = await withTaskGroup(of: (String, BackendError?).self) { group in
                for line in Self.lines {
                    group.addTask { (line, await failure { try await append(line, to: backend) }) }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let passage = try await proxy.disarm()
            let comment = Comment("\(cut?.testDescription ?? "no cut"): \(errors)")
            let isConnected = passage.forwarded[.toClient, default: 0] > 0
            if isConnected {
                // The one that was under way, if any.
                #expect(errors.count <= (passage.isCut ? 1 : 0), comment)
                #expect(errors.values.allSatisfy { $0.code == .connectionClosed && $0.maybeExecuted }, comment)
            } else {
                // All of them waited for the one attempt that was asked for.
                #expect(errors.values.allSatisfy { $0.code == .connectionClosed && !$0.maybeExecuted }, comment)
            }
            try await verify(backend, errors, comment)
            await backend.destroy()
            return passage
        }
    }

    /// Every line that succeeded is there once; one whose call was lost, at most once; one that was never made, not.
    private func verify(_ backend: any Backend, _ errors: [String: BackendError], _ comment: Comment) async throws {
        var written: [Substring] = []
        while true {
            let error = await failure {
                written = try await backend.exists("f") ? try await backend.readText("f").split(separator: "\n") : []
            }
            guard let error else { break }
            // The loss was noticed by this call only.
            #expect(error.code == .connectionClosed, comment)
        }
        for line in Self.lines {
            let count = written.count { $0 == line }
            switch errors[line] {
            case nil: #expect(count == 1, comment)
            case let error?: #expect(count <= (error.maybeExecuted ? 1 : 0), comment)
            }
        }
    }

    // MARK: Leases

    /// A connection by itself: what it held is given back by the broker, whenever it is lost.
    @Test func aLeaseIsNeverLost() async throws {
        try await withLossBroker { (broker: InProcessBroker) async throws in
            let whole = try await leaseTrial(broker, cut: nil)
            for direction in Cut.Direction.allCases {
                for index in 0..<whole.forwarded[direction, default: 0] {
                    for isForwarded in [false, true] {
                        let cut = Cut(direction: direction, index: index, isForwarded: isForwarded)
                        _ = try await leaseTrial(broker, cut: cut)
                    }
                }
            }
        }
    }

    private func leaseTrial(_ broker: InProcessBroker, cut: Cut?) async throws -> Passage {
        try await FrameProxy.run(to: broker.port, cut: cut) { proxy, port in
            let error = await failure {
                try await BrokerConnection.withConnection(
                    to: .tcp(host: "127.0.0.1", port: port),
                    token: broker.token()
                ) { connection in
                    try await connection.withLease(on: BrokerTarget(key: "leased")) { target in
                        try await connection.write(WorkspacePath("f"), ByteBuffer(string: "x"), on: target)
                    }
                }
            }
            let passage = try await proxy.disarm()
            // Losing the release fails nobody: the lease went with the connection.
            if let error {
                #expect(error.code == .connectionClosed, "\(error)")
                #expect(passage.isCut)
            }
            return passage
        }
    }
}

private func append(_ line: String, to backend: any Backend) async throws {
    try await backend.write("f", "\(line)\n", options: WriteOptions(mode: .append))
}
