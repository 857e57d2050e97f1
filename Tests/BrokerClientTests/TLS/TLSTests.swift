import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

/// TLS between a client and a broker, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    private static let key = BrokerTarget(key: "k")

    @Test(arguments: [true, false])
    func callsPass(overTCP: Bool) async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            try await withBroker(configure: {
                $0.speakTLS(certificate)
                $0.tls.onUnixSocket = true
            }) { broker in
                let address = overTCP ? broker.tcp : BrokerAddress.unix(path: broker.unixSocket)
                let tls = BrokerTLS(authorities: authority.path, serverName: overTCP ? nil : "localhost")
                try await connected(to: address, broker, tls) { connection in
                    // More than TLS takes in one record, both ways.
                    let bytes = ByteBuffer(repeating: 7, count: 1 << 20)
                    let echoed = try await connection.echo(bytes, on: Self.key)
                    #expect(echoed == bytes)
                    let connections = try await connection.stats().connections
                    #expect(connections == 1)
                }
            }
        }
    }

    @Test func aRemoteBackendSpeaksIt() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            try await withBroker(configure: { $0.speakTLS(certificate) }) { broker in
                var configuration = RemoteFilesystemBackend.Configuration(
                    address: broker.tcp,
                    token: broker.token(),
                    target: Self.key
                )
                configuration.connection.tls = BrokerTLS(authorities: authority.path)
                try await RemoteFilesystemBackend.withBackend(configuration) { backend in
                    try await backend.write("f", String(repeating: "x", count: 300_000))
                    #expect(try await backend.readText("f").count == 300_000)
                    #expect(try await backend.exec("wc -c < f").contains("300000"))
                }
            }
        }
    }

    /// One who connects by address is content with a certificate for that.
    @Test func anAddressIsEnoughForWhoConnectsByIt() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server", hosts: "IP:127.0.0.1")
            try await withBroker(configure: { $0.speakTLS(certificate) }) { broker in
                let address = BrokerAddress.tcp(host: "127.0.0.1", port: UInt16(broker.port))
                try await connected(to: address, broker, BrokerTLS(authorities: authority.path)) { _ in }
            }
        }
    }

    @Test func aClientShowsWhoItIs() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            let client = try authority.issue("client", hosts: "DNS:client")
            try await withBroker(configure: {
                $0.speakTLS(certificate)
                $0.tls.clientAuthorities = authority.path
            }) { broker in
                var tls = BrokerTLS(authorities: authority.path)
                tls.identity = BrokerTLS.Identity(certificate: client.path, key: client.key)
                try await connected(to: broker.tcp, broker, tls) { _ = try await $0.stats() }
            }
        }
    }

    /// What can be wrong, with what the client is told.
    enum Mistake: CaseIterable {
        case expired, anotherHost, addressOfAnotherName, unknownAuthority, noTLSToTLS, tlsToNoTLS, noCertificate,
            unknownCertificate

        var told: (BackendError.Code, String) {
            switch self {
            case .expired: (.authFailed, "has expired")
            case .anotherHost, .addressOfAnotherName: (.authFailed, "certificate is not for localhost")
            case .unknownAuthority: (.authFailed, "from no authority that is trusted here")
            case .noTLSToTLS: (.protocolError, "the peer answers in TLS: connect with TLS")
            case .tlsToNoTLS: (.protocolError, "the broker speaks no TLS there")
            case .noCertificate: (.authFailed, "asks for a client's certificate")
            case .unknownCertificate: (.authFailed, "does not accept the client's certificate")
            }
        }
    }

    @Test(arguments: Mistake.allCases)
    func mistakesAreTold(mistake: Mistake) async throws {
        try await withAuthority { authority in
            try await withAuthority { stranger in
                let hosts =
                    switch mistake {
                    case .anotherHost: "DNS:example.com"
                    case .addressOfAnotherName: "DNS:example.com,IP:127.0.0.1"
                    default: "DNS:localhost"
                    }
                let certificate = try authority.issue("server", hosts: hosts, days: mistake == .expired ? -1 : 30)
                let unknown = try stranger.issue("client")
                try await withBroker(configure: {
                    if mistake != .tlsToNoTLS { $0.speakTLS(certificate) }
                    if mistake == .noCertificate || mistake == .unknownCertificate {
                        $0.tls.clientAuthorities = authority.path
                    }
                }) { broker in
                    var tls: BrokerTLS? = BrokerTLS(authorities: authority.path)
                    if mistake == .unknownAuthority { tls?.authorities = stranger.path }
                    if mistake == .noTLSToTLS { tls = nil }
                    if mistake == .unknownCertificate {
                        tls?.identity = BrokerTLS.Identity(certificate: unknown.path, key: unknown.key)
                    }
                    // Whichever side speaks first, and however the bytes fall.
                    for _ in 0..<10 {
                        let error = await #expect(throws: BackendError.self) {
                            try await connected(to: broker.tcp, broker, tls) { _ in }
                        }
                        #expect(error?.code == mistake.told.0)
                        #expect(error?.message.contains(mistake.told.1) == true, "\(error.map { "\($0)" } ?? "")")
                        #expect(error?.isRetryable == false)
                    }
                }
            }
        }
    }

    /// A client that goes, with a goodbye in TLS or without, takes its commands along.
    @Test func commandsEndWithTheirConnection() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            try await withBroker(configure: { $0.speakTLS(certificate) }) { broker in
                try await connected(to: .unix(path: broker.unixSocket), broker, nil) { other in
                    try await connected(to: broker.tcp, broker, BrokerTLS(authorities: authority.path)) { connection in
                        let session = try connection.exec(
                            ExecRequest(.shellLine(Array("sleep 1000".utf8))),
                            on: Self.key
                        )
                        guard case .started? = try await session.next() else {
                            Issue.record("it did not start")
                            return
                        }
                        let running = try await other.stats().execsRunning
                        #expect(running == 1)
                    }
                    while try await other.stats().execsRunning > 0 { await Task.yield() }
                }
            }
        }
    }

    /// Nor has a shutdown to wait for it, of however long a drain timeout.
    @Test(arguments: [true, false])
    func aClientThatNeverSaysAWordIsClosed(byShutdown: Bool) async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            let silent = try await withBroker(configure: {
                $0.speakTLS(certificate)
                $0.limits.drainTimeout = .seconds(3600)
                if !byShutdown { $0.limits.helloDeadline = .milliseconds(50) }
            }) { broker in
                let silent = try await RawWireClient.connect(to: .tcp(port: broker.port))
                // The first bytes of a record.
                try await silent.send(ByteBuffer(bytes: [22, 3, 1]))
                if byShutdown {
                    // Accepted after it.
                    try await connected(to: broker.tcp, broker, BrokerTLS(authorities: authority.path)) { _ in }
                } else {
                    _ = try? await silent.drain()
                }
                return silent
            }
            await silent.close()
        }
    }

    @Test func aShutdownIsTold() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            let error = try await withThrowingTaskGroup(of: BackendError?.self) { group in
                try await withBroker(configure: {
                    $0.speakTLS(certificate)
                    $0.limits.drainTimeout = .zero
                }) { broker in
                    let connection = try await connect(to: broker.tcp, broker, BrokerTLS(authorities: authority.path))
                    let session = try connection.exec(ExecRequest(.shellLine(Array("sleep 1000".utf8))), on: Self.key)
                    _ = try await session.next()
                    group.addTask {
                        do {
                            while try await session.next() != nil {}
                            return nil
                        } catch {
                            return error as? BackendError
                        }
                    }
                }
                return try await group.next() ?? nil
            }
            #expect(error?.code == .shuttingDown)
            #expect(error?.maybeExecuted == true)
        }
    }
}

// MARK: Replaced certificates

extension TLSTests {
    /// Those of the connections that come from now on; the others go on with what they have.
    @Test func newConnectionsGetTheNewCertificate() async throws {
        try await withAuthority { old in
            try await withAuthority { new in
                let certificate = try old.issue("server")
                try await withBroker(configure: { $0.speakTLS(certificate) }) { broker in
                    try await connected(to: broker.tcp, broker, BrokerTLS(authorities: old.path)) { connection in
                        let next = try new.issue("server")
                        try replace(certificate, with: next)
                        try broker.reloadCertificates()
                        try await connected(to: broker.tcp, broker, BrokerTLS(authorities: new.path)) { _ in }
                        await #expect(throws: BackendError.self) {
                            try await connected(to: broker.tcp, broker, BrokerTLS(authorities: old.path)) { _ in }
                        }
                        _ = try await connection.stats()
                    }
                }
            }
        }
    }

    /// What is wrong with new files changes nothing.
    @Test func filesThatCannotBeUsedAreRefused() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            let other = try authority.issue("other")
            try await withBroker(configure: {
                $0.speakTLS(certificate)
                $0.tls.clientAuthorities = nil
            }) { broker in
                let whole = (try contents(certificate.path), try contents(certificate.key))
                let cases: [(String, [UInt8], [UInt8])] = [
                    ("is not that of the certificate \(certificate.path)", whole.0, try contents(other.key)),
                    ("\(certificate.path) has no certificate", Array("nonsense".utf8), whole.1),
                    ("\(certificate.path) has no certificate", [], whole.1),
                    ("\(certificate.key) has no private key", whole.0, Array(whole.1.prefix(90))),
                ]
                for (message, chain, key) in cases {
                    try write(chain, to: certificate.path)
                    try write(key, to: certificate.key)
                    try expectRefusal(message, by: broker)
                    try await connected(to: broker.tcp, broker, BrokerTLS(authorities: authority.path)) { _ in }
                }
                try write(whole.0, to: certificate.path)
                try write(whole.1, to: certificate.key, mode: 0o604)
                try expectRefusal("others can read or write the private key \(certificate.key)", by: broker)
                try write(whole.1, to: certificate.key)
                try broker.reloadCertificates()
            }
        }
    }

    /// Connections come and go, and calls run on one that stays, while certificates are replaced, every second time by
    /// a pair that cannot be used: no call fails.
    @Test func certificatesAreReplacedUnderLoad() async throws {
        try await withAuthority { authority in
            let certificate = try authority.issue("server")
            let pairs = try (0..<4).map { try authority.issue("next-\($0)") }
            try await withBroker(configure: { $0.speakTLS(certificate) }) { broker in
                let tls = BrokerTLS(authorities: authority.path)
                let load = Load()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for client in UInt8(0)..<3 {
                        group.addTask {
                            while !load.isOver {
                                try await connected(to: broker.tcp, broker, tls) { connection in
                                    try await checkEcho(connection, client)
                                }
                                load.advance()
                            }
                        }
                    }
                    group.addTask {
                        try await connected(to: broker.tcp, broker, tls) { connection in
                            while !load.isOver {
                                try await checkEcho(connection, 9)
                                load.advance()
                            }
                        }
                    }
                    group.addTask {
                        defer { load.end() }
                        for round in 0..<40 {
                            let done = load.count
                            if round.isMultiple(of: 2) {
                                try replace(certificate, with: pairs[round / 2 % pairs.count])
                                try broker.reloadCertificates()
                            } else {
                                try write(Array("half a certif".utf8), to: certificate.path)
                                try expectRefusal("has no certificate", by: broker)
                            }
                            while load.count < done + 4 {
                                try Task.checkCancellation()
                                await Task.yield()
                            }
                        }
                    }
                    for try await _ in group {}
                }
            }
        }
    }

    private func checkEcho(_ connection: BrokerConnection, _ byte: UInt8) async throws {
        let bytes = ByteBuffer(repeating: byte, count: 20_000)
        let echoed = try await connection.echo(bytes, on: Self.key)
        guard echoed == bytes else { throw BackendError(.internal, message: "another answer than was asked for") }
    }

    private func expectRefusal(_ message: String, by broker: InProcessBroker) throws {
        let error = #expect(throws: BackendError.self) { try broker.reloadCertificates() }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
}
