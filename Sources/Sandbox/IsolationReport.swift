package import AgentBackend
internal import Glibc

/// What a probe at start proved about the isolation levels of this host, by running a command at each.
package struct IsolationReport: Sendable {
    package struct Finding: Sendable {
        package var level: IsolationLevel
        /// A command ran at this level.
        package var isProven: Bool
        /// For the operator: why not, and what to do about it. Empty where it is proven.
        package var explanation: String
    }

    /// Of the levels that were probed, from strong to weak.
    package var findings: [Finding]
    /// How limits are kept, whatever the level.
    package var limits: [LimitMechanism] = []

    /// What `auto` means on this host: `none` is never chosen by itself. Nil: no level works.
    package var strongest: IsolationLevel? {
        findings.filter { $0.isProven && $0.level != .none }.map(\.level).max()
    }

    /// The levels that `auto` chooses from, from strong to weak.
    package static let automaticLevels = IsolationLevel.allCases.filter { $0 != .none }.sorted(by: >)

    package func finding(_ level: IsolationLevel) -> Finding? {
        findings.first { $0.level == level }
    }

    /// Runs `true` at one level after the other, as the identity that commands will have; nil is the broker's own user.
    /// `untilProven`: those after the first that works are not probed. `host`: nil for one of its own.
    package static func probing(
        _ levels: [IsolationLevel],
        untilProven: Bool = false,
        as identity: HostIdentity?,
        configuration: CommandRunner.Configuration = CommandRunner.Configuration(),
        host: SandboxHost? = nil
    ) async -> IsolationReport {
        let host = host ?? SandboxHost(configuration)
        var findings: [Finding] = []
        for level in levels {
            do throws(BackendError) {
                try await prove(level, as: identity, configuration, host)
                findings.append(Finding(level: level, isProven: true, explanation: ""))
                if untilProven { break }
            } catch {
                findings.append(Finding(level: level, isProven: false, explanation: error.description))
            }
        }
        return IsolationReport(findings: findings, limits: host.controlGroups.report)
    }

    private static func prove(
        _ level: IsolationLevel,
        as identity: HostIdentity?,
        _ configuration: CommandRunner.Configuration,
        _ host: SandboxHost
    ) async throws(BackendError) {
        var configuration = configuration
        configuration.maximumSpareSandboxes = 0
        let runner = try CommandRunner(level: level, configuration: configuration, host: host)
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { () async throws(BackendError) in try await runner.run() } }
            let error = await failure { () async throws(BackendError) in try await runTrue(on: runner, as: identity) }
            runner.beginShutdown()
            return error
        }
        if let error { throw error }
    }

    private static func runTrue(
        on runner: CommandRunner,
        as identity: HostIdentity?
    ) async throws(BackendError) {
        // Any directory that the identity may enter does: nothing is written.
        let directory = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let workspace = try OwnedDescriptor.made(by: "open", directory < 0 ? -errno : directory)
        let command = Command(
            .arguments([Array("true".utf8)]),
            workspace: workspace.rawValue,
            deadline: runner.configuration.setupLimit
        )
        switch try await WarmSandbox(runner, identity: identity).start(command).waitForEnd().outcome {
        case .exited(code: 0): return
        case .failed(_, let error): throw error
        case let outcome: throw BackendError(.execError, message: "running true in a sandbox ended with \(outcome)")
        }
    }

    private static func failure(of body: () async throws(BackendError) -> Void) async -> BackendError? {
        do throws(BackendError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}
