import AgentBackend
import BrokerClient
import BrokerTestKit
import Foundation
import Glibc
import LocalBackend
import Synchronization
import Testing

/// What the subjects are made from: one broker and one runtime for the whole suite.
struct Surroundings: Sendable {
    let broker: InProcessBroker
    let runtime: LocalRuntime
    /// Local backends have their directories here.
    let directory: String

    @TaskLocal static var current: Surroundings?

    /// Counts subjects, for keys and directories of their own.
    private static let lastSubject = Atomic<UInt64>(0)

    static func makeName() -> String { "subject-\(lastSubject.add(1, ordering: .relaxed).newValue)" }

    /// Whether the subjects that have a shell can run commands on this host.
    func runsCommands(_ subject: Subject) -> Bool {
        guard subject.capabilities.hasShell else { return false }
        return !(subject.kind == .local ? runtime.isolation : broker.isolation).isEmpty
    }

    /// Not connected, where it is remote.
    func makeBackend(_ kind: Subject.Kind) throws -> any Backend {
        let name = Self.makeName()
        switch kind {
        case .memory:
            return MemoryBackend()
        case .local:
            let configuration = LocalFilesystemBackend.Configuration(rootDirectory: "\(directory)/\(name)")
            return try LocalFilesystemBackend(configuration, runtime: runtime)
        case .remoteLocal, .remoteMemory:
            return try RemoteFilesystemBackend(
                RemoteFilesystemBackend.Configuration(
                    address: .tcp(host: "127.0.0.1", port: UInt16(broker.port)),
                    token: broker.token(),
                    target: BrokerTarget(backend: kind == .remoteLocal ? .localFilesystem : .memory, key: name)
                )
            )
        }
    }
}

/// Runs a suite within ``Surroundings``.
struct SurroundingsTrait: SuiteTrait, TestScoping {
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        var template = Array("/var/tmp/conformance-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // Others may enter it, but not list it.
        try #require(chmod(directory, 0o711) == 0)
        var configuration = LocalRuntime.Configuration()
        if geteuid() == 0 { configuration.identity = HostIdentity(uid: 200_001, gid: 200_001) }
        try await LocalRuntime.withRuntime(configuration) { runtime in
            try await withBroker { broker in
                let surroundings = Surroundings(broker: broker, runtime: runtime, directory: directory)
                try await Surroundings.$current.withValue(surroundings) { try await function() }
            }
        }
    }
}

/// What every backend does, whatever it is.
@Suite(SurroundingsTrait(), .timeLimit(.minutes(5))) enum BackendConformance {}

/// A subject, while it is tested.
struct Tested: Sendable {
    let subject: Subject
    let backend: any Backend
    /// The backend itself, or what it is a scope of.
    let outermost: any Backend
    let runsCommands: Bool

    var capabilities: Capabilities { subject.capabilities }

    /// Where the backend is in the outermost one.
    var place: WorkspacePath {
        get throws(BackendError) {
            switch subject.depth {
            case .itself: .root
            case .scope: try WorkspacePath("s")
            case .innerScope: try WorkspacePath("s/t/u")
            }
        }
    }
}

/// Makes a subject, runs `body` with it and destroys it.
func withSubject(_ subject: Subject, _ body: (Tested) async throws -> Void) async throws {
    let surroundings = try #require(Surroundings.current)
    let outermost = try surroundings.makeBackend(subject.kind)
    let backend: any Backend =
        switch subject.depth {
        case .itself: outermost
        case .scope: try outermost.scope("s")
        case .innerScope: try outermost.scope("s").scope("t/u")
        }
    let tested = Tested(
        subject: subject,
        backend: backend,
        outermost: outermost,
        runsCommands: surroundings.runsCommands(subject)
    )
    do {
        try await body(tested)
    } catch {
        await outermost.destroy()
        throw error
    }
    await outermost.destroy()
}

/// Code and reason of an error, to compare both at once.
struct Refusal: Equatable, CustomStringConvertible {
    var code: BackendError.Code
    var reason: BackendError.Reason?

    init(_ code: BackendError.Code, _ reason: BackendError.Reason? = nil) {
        self.code = code
        self.reason = reason
    }

    var description: String { reason.map { "\(code) (\($0))" } ?? "\(code)" }
}

/// The error that `body` throws, which must be a backend's.
func failure<Value>(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Value
) async throws -> BackendError {
    do {
        _ = try await body()
    } catch {
        return try #require(error as? BackendError, "\(error)", sourceLocation: sourceLocation)
    }
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    throw CancellationError()
}

func refusal<Value>(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Value
) async throws -> Refusal {
    let error = try await failure(sourceLocation: sourceLocation, body)
    return Refusal(error.code, error.reason)
}
