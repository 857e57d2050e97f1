internal import AgentBackend
internal import Synchronization

/// Ends commands that fill the disk: looks at the workspaces in which commands run, for as long as some do. Soft: what is
/// written between two looks is there. Safe to use from any thread.
package final class CommandWatch: Sendable {
    private let watched = Mutex<[ObjectIdentifier: WorkspaceUsage]>([:])
    private let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Between two looks.
    private static let interval = Duration.milliseconds(500)
    /// Workspaces that are looked at at the same time.
    private static let maximumLooks = 4

    package init() {}

    /// A command is about to run in the workspace.
    func add(_ usage: WorkspaceUsage) {
        let isFirst = watched.withLock { $0.updateValue(usage, forKey: ObjectIdentifier(usage)) == nil }
        if isFirst { wakeUps.continuation.yield() }
    }

    /// Until the calling task is cancelled. Called once. Sleeps only while commands run.
    package func run(sleep: @Sendable (Duration) async throws -> Void) async {
        defer { watched.withLock { $0 = [:] } }
        for await _ in wakeUps.stream {
            while !watched.withLock({ $0.isEmpty }) {
                guard (try? await sleep(Self.interval)) != nil else { return }
                await lookAtAll()
            }
        }
    }

    private func lookAtAll() async {
        var rest = watched.withLock { Array($0.values) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<min(Self.maximumLooks, rest.count) {
                if let usage = rest.popLast() { group.addTask { await self.look(at: usage) } }
            }
            while await group.next() != nil {
                if let usage = rest.popLast() { group.addTask { await self.look(at: usage) } }
            }
        }
    }

    private func look(at usage: WorkspaceUsage) async {
        guard await !usage.look() else { return }
        watched.withLock { watched in
            // One may have begun just now.
            if !usage.hasCommands { watched[ObjectIdentifier(usage)] = nil }
        }
    }
}
