import AgentBackend
import BrokerClient
import BrokerTestKit
import Foundation
import LocalBackend
import Testing

/// Where an example of the seed runs: its backend in this process, or behind a broker.
enum SeedBackend: String, CaseIterable, CustomTestStringConvertible {
    case local
    case remote
    case memory
    case remoteMemory

    /// Those with commands.
    static let withCommands: [SeedBackend] = [.local, .remote]

    var testDescription: String { rawValue }

    /// Runs `body` with a backend of its own, and destroys it.
    func run(_ body: @Sendable (any Backend) async throws -> Void) async throws {
        switch self {
        case .local:
            try await withLocalRuntime { runtime, directory in
                let backend = try LocalFilesystemBackend(.init(rootDirectory: "\(directory)/root"), runtime: runtime)
                try await use(backend, body)
            }
        case .memory:
            try await use(MemoryBackend(), body)
        case .remote:
            try await withBroker { broker in try await use(try broker.remoteBackend(key: "seed"), body) }
        case .remoteMemory:
            try await withBroker { broker in
                try await use(try broker.remoteBackend(type: .memory, key: "seed"), body)
            }
        }
    }

    private func use(_ backend: any Backend, _ body: (any Backend) async throws -> Void) async throws {
        do {
            try await body(backend)
        } catch {
            await backend.destroy()
            throw error
        }
        await backend.destroy()
        #expect(backend.status == .destroyed)
    }
}

extension InProcessBroker {
    func remoteBackend(
        of org: String = "acme",
        type: BackendType = .localFilesystem,
        key: String,
        configure: (inout RemoteFilesystemBackend.Configuration) -> Void = { _ in }
    ) throws -> RemoteFilesystemBackend {
        var configuration = RemoteFilesystemBackend.Configuration(
            address: try BrokerAddress("127.0.0.1:\(port)"),
            token: token(of: org),
            target: BrokerTarget(backend: type, key: key)
        )
        configure(&configuration)
        return try RemoteFilesystemBackend(configuration)
    }
}

/// A runtime, and a directory that whoever its commands run as may enter.
func withLocalRuntime(_ body: @Sendable (LocalRuntime, String) async throws -> Void) async throws {
    var configuration = LocalRuntime.Configuration()
    // Commands never run as root.
    if geteuid() == 0 { configuration.identity = HostIdentity(uid: 200_001, gid: 200_001) }
    var template = Array("/var/tmp/seed-examples-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try #require(chmod(directory, 0o711) == 0)
    try await LocalRuntime.withRuntime(configuration) { runtime in try await body(runtime, directory) }
    // The temporary files' own directory goes with its backend.
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).allSatisfy { !$0.hasPrefix(".") })
}
