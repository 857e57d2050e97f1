import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import Glibc
import Synchronization

extension BrokerConfiguration {
    mutating func speakTLS(_ certificate: TestAuthority.Certificate) {
        tls.certificate = certificate.path
        tls.key = certificate.key
    }
}

extension InProcessBroker {
    /// By name, which its certificate has to have.
    var tcp: BrokerAddress { .tcp(host: "localhost", port: UInt16(port)) }
}

func withAuthority(_ body: (TestAuthority) async throws -> Void) async throws {
    let authority = try TestAuthority()
    defer { authority.remove() }
    try await body(authority)
}

func connect(to address: BrokerAddress, _ broker: InProcessBroker, _ tls: BrokerTLS?) async throws -> BrokerConnection {
    var configuration = BrokerConnection.Configuration()
    configuration.tls = tls
    return try await BrokerConnection.connect(to: address, token: broker.token(), configuration: configuration)
}

func connected(
    to address: BrokerAddress,
    _ broker: InProcessBroker,
    _ tls: BrokerTLS?,
    _ body: (BrokerConnection) async throws -> Void
) async throws {
    let connection = try await connect(to: address, broker, tls)
    do {
        try await body(connection)
    } catch {
        await connection.close()
        throw error
    }
    await connection.close()
}

// MARK: Files

func contents(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { throw BackendError(.internal, message: "cannot open \(path)") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
}

/// As a person would, in place.
func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
    guard let file = fopen(path, "w") else { throw BackendError(.internal, message: "cannot open \(path)") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count, chmod(path, mode) == 0 else {
        throw BackendError(.internal, message: "cannot write \(path)")
    }
}

func replace(_ certificate: TestAuthority.Certificate, with next: TestAuthority.Certificate) throws {
    try write(try contents(next.path), to: certificate.path)
    try write(try contents(next.key), to: certificate.key)
}

/// How much was done, and whether it is enough.
final class Load: Sendable {
    private let done = Atomic<Int>(0)
    private let hasEnded = Atomic<Bool>(false)

    var count: Int { done.load(ordering: .relaxed) }
    var isOver: Bool { hasEnded.load(ordering: .relaxed) }

    func advance() { done.add(1, ordering: .relaxed) }

    func end() { hasEnded.store(true, ordering: .relaxed) }
}
