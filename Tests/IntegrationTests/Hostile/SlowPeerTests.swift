import AgentBackend
import BrokerClient
import BrokerWire
import NIOCore
import Testing

extension IntegrationTests {
    /// Very many peers that say nothing, or hardly anything, or do not listen: each costs the broker no more than it
    /// may, and who behaves well does not notice.
    @Suite struct SlowPeerTests {
        private static let silent = 5000
        private static let trickling = 1000
        private static let deaf = 200
        /// Calls of each that does not listen.
        private static let asked = 32
        /// Of resident memory, for each kind of them: 32 KiB for one that is silent or trickles, 4 MiB for one that does
        /// not listen.
        private static let bound = (silent + trickling) * (32 << 10) + deaf * (4 << 20)

        @Test(.timeLimit(.minutes(20)))
        func eachCostsLittleAndNobodyElseNotices() async throws {
            try raiseDescriptorLimit(to: Self.silent + Self.trickling + Self.deaf + 2000)
            try await withScratchDirectory { directory in
                // However slow the machine is, they stay as long as the test needs them.
                let preamble = """
                    limits:
                      hello_deadline: 10m
                      keepalive_interval: 1h

                    """
                let orgs = try await OrgFile(orgs: [WellBehavedOrg.name, "slow"], in: directory, preamble: preamble)
                let good = try #require(orgs.tokens[WellBehavedOrg.name])
                let token = try #require(orgs.tokens["slow"])
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    let watcher = try await BrokerConnection.connect(to: BrokerAddress(broker.ready.wire), token: token)
                    try await watcher.write(
                        try WorkspacePath("large"),
                        ByteBuffer(repeating: 7, count: 4 << 20),
                        on: BrokerTarget(key: "k")
                    )
                    try await WellBehavedOrg.calling(broker, token: good) { org in
                        try await org.waitForCalls(60)
                        try await trouble(broker, token, watcher, org)
                    }
                    // Nothing is left of them.
                    while try await watcher.stats().connections > 1 { await Task.yield() }
                    #expect(try await watcher.stats().callsInFlight == 0)
                    #expect(broker.holdings.descriptors < 200)
                    await watcher.close()
                }
            }
        }

        private func trouble(
            _ broker: BrokerProcess,
            _ token: String,
            _ watcher: BrokerConnection,
            _ org: WellBehavedOrg
        ) async throws {
            let port = try #require(broker.ready.wire.split(separator: ":").last.flatMap { Int($0) })
            let start = broker.memory.resident
            try broker.forgetPeak()

            // Half of them say hello first.
            let silent = try (0..<Self.silent).map { _ in try PlainSocket(port: port) }
            for socket in silent.prefix(Self.silent / 2) { try greet(socket, token) }
            try await org.waitForCalls(60)
            let afterSilent = broker.memory.resident

            let deaf = try (0..<Self.deaf).map { _ in try PlainSocket(port: port, receiveBuffer: 4096) }
            for (number, socket) in deaf.enumerated() {
                try greet(socket, token)
                try ask(socket, for: number.isMultiple(of: 2) ? .localFilesystem : .memory)
            }
            // All of it has arrived, and what can go out has.
            while try await watcher.stats().connections < UInt32(1 + Self.silent / 2 + Self.deaf) { await Task.yield() }
            try await org.waitForCalls(120)
            let afterDeaf = broker.memory.resident

            let trickling = try (0..<Self.trickling).map { _ in try PlainSocket(port: port) }
            try await trickle(trickling, token, org)
            let memory = broker.memory
            print(
                """
                slow peers: \(start >> 20) MiB before; \((afterSilent - start) >> 10) KiB for \(silent.count) silent; \
                \((afterDeaf - afterSilent) >> 20) MiB for \(deaf.count) deaf; then \(memory); \(org.calls) calls of \
                the other org
                """
            )
            #expect(memory.peak < start + Self.bound)
            withExtendedLifetime((silent, deaf, trickling)) {}
        }

        private func bytes(_ frames: [ClientFrame]) -> ByteBufferView {
            let encoder = ClientFrameEncoder()
            var bytes = ByteBuffer()
            for frame in frames {
                if let payload = encoder.encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
            }
            return bytes.readableBytesView
        }

        private func hello(_ token: String) -> ClientFrame {
            ClientFrame(id: 0, body: .hello(Hello(token: token, clientName: "slow")))
        }

        private func greet(_ socket: PlainSocket, _ token: String) throws {
            try socket.send(bytes([hello(token)]))
            guard case .helloReply? = try socket.next()?.body else {
                Issue.record("no reply to a hello")
                return
            }
        }

        /// Asks for far more than the broker may keep for it, with all the credit in the world, and reads nothing.
        private func ask(_ socket: PlainSocket, for backend: BackendType) throws {
            let target = Target(backend: backend, key: "k")
            var frames = [ClientFrame(id: 0, body: .window(stream: 0, bytes: 1 << 40))]
            for id in 1...UInt64(Self.asked) {
                switch backend {
                case .memory:
                    let payload = ByteBuffer(repeating: 1, count: 200_000)
                    frames.append(ClientFrame(id: id, target: target, body: .call(.echo), payload: payload))
                case .localFilesystem, .remoteFilesystem:
                    frames.append(
                        ClientFrame(id: id, target: target, body: .call(.read(Read(path: Array("large".utf8)))))
                    )
                    frames.append(ClientFrame(id: 0, body: .window(stream: id, bytes: 1 << 40)))
                }
            }
            try socket.send(bytes(frames))
        }

        /// Sends a hello and a call, byte by byte, and calls of the other org between any two bytes.
        private func trickle(_ sockets: [PlainSocket], _ token: String, _ org: WellBehavedOrg) async throws {
            let call = ClientFrame(
                id: 1,
                target: Target(backend: .memory, key: "k"),
                body: .call(.echo),
                payload: ByteBuffer(string: "drop by drop")
            )
            let hello = bytes([hello(token)])
            for byte in hello {
                for socket in sockets { try socket.send(ByteBuffer(bytes: [byte]).readableBytesView) }
                try await org.waitForCalls(1)
            }
            for socket in sockets {
                guard case .helloReply? = try socket.next()?.body else { throw Unanswered() }
            }
            for byte in bytes([call]) {
                for socket in sockets { try socket.send(ByteBuffer(bytes: [byte]).readableBytesView) }
                try await org.waitForCalls(1)
            }
            for socket in sockets {
                guard try socket.next()?.payload == call.payload else { throw Unanswered() }
            }
        }

        private struct Unanswered: Error {}
    }
}
