internal import AgentBackend
internal import BackendPool
internal import LocalBackend
internal import Logging
internal import ServiceLifecycle

/// Removes the workspaces that were not used for as long as their org keeps them; see ``OrgConfiguration/Retention``.
///
/// Looks at all orgs once in every interval, the first time when one has passed. Of each org it removes a bounded number
/// in a round, and never one that an entry uses: those count as used now, so that the end of the broker, however it
/// comes, makes no workspace look unused.
struct RetentionService: Service {
    let workspaces: Workspaces
    let tenancy: Tenancy
    let configuration: RunningConfiguration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            let time = workspaces.time
            var watch = WallClockWatch(elapsed: time.elapsed(), wall: time.wallClock())
            while (try? await time.sleep(configuration.current.retention.interval)) != nil {
                let now = time.wallClock()
                if watch.isSteady(elapsed: time.elapsed(), wall: now) {
                    await removeUnused(at: now)
                } else {
                    logger.warning("the host's clock was set: no workspace counts as unused before the next round")
                }
            }
        }
    }

    private func removeUnused(at now: Int64) async {
        for org in tenancy.current.orgs.orgs {
            guard let unusedFor = org.retention.unusedFor else { continue }
            do {
                let count = try await removeUnused(of: org, since: now - unusedFor.inNanoseconds, now: now)
                guard count > 0 else { continue }
                logger.info("removed unused workspaces", metadata: ["org": "\(org.name)", "count": "\(count)"])
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning(
                    "cannot remove unused workspaces",
                    metadata: ["org": "\(org.name)", "error": "\(error)"]
                )
            }
        }
    }

    private func removeUnused(of org: Org, since time: Int64, now: Int64) async throws(BackendError) -> Int {
        let (root, limit) = (workspaces.root, configuration.current.retention.maxDeletions)
        let inUse = workspaces.locks.keysInUse(of: org.id)
        let unused = try await workspaces.threads.run { () throws(BackendError) in
            for key in inUse { try root.noteUse(of: org, key: key, at: now) }
            return try root.workspaces(of: org, unusedSince: time, now: now, limit: limit) { key in
                org.retention.keep.contains { $0.matches(key) }
            }
        }
        var count = 0
        for workspace in unused where try await workspaces.expire(workspace.key, of: org, unusedSince: time) {
            count += 1
        }
        return count
    }
}

/// Tells whether the wall clock goes as time does: not where somebody set it.
struct WallClockWatch {
    private var lastElapsed: Duration
    private var lastWall: Int64

    /// Between two looks.
    private static let tolerance: Duration = .seconds(60)

    /// `elapsed`: the time since any one moment, by a clock that nobody sets.
    init(elapsed: Duration, wall: Int64) {
        (lastElapsed, lastWall) = (elapsed, wall)
    }

    /// Whether it has gone well since the last look.
    mutating func isSteady(elapsed: Duration, wall: Int64) -> Bool {
        defer { (lastElapsed, lastWall) = (elapsed, wall) }
        let difference = Duration.nanoseconds(wall - lastWall) - (elapsed - lastElapsed)
        return difference <= Self.tolerance && difference >= .zero - Self.tolerance
    }
}
