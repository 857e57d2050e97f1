internal import AgentBackend
internal import LocalBackend
internal import Synchronization

/// What the workspaces of all orgs hold. Safe to use from any thread.
final class OrgUsages: Sendable {
    private let usages = Mutex<[Org.ID: OrgUsage]>([:])
    /// Of the commands of all of them.
    let watch = CommandWatch()

    /// Nil: nobody has asked for a workspace of the org yet.
    subscript(id: Org.ID) -> OrgUsage? { usages.withLock { $0[id] } }

    /// That of an org, whose limits count for it from now on.
    func usage(of org: Org) -> OrgUsage {
        usages.withLock { usages in
            if let known = usages[org.id] {
                known.allow(workspace: org.limits.workspaceQuota, org: org.limits.diskQuota)
                return known
            }
            let made = OrgUsage(
                workspace: org.limits.workspaceQuota,
                org: org.limits.diskQuota,
                watch: watch
            )
            usages[org.id] = made
            return made
        }
    }
}

extension Org.Limits {
    var workspaceQuota: UsageAmount {
        UsageAmount(bytes: UInt64(clamping: maxWorkspaceBytes), inodes: UInt64(clamping: maxWorkspaceInodes))
    }

    var diskQuota: UsageAmount {
        UsageAmount(bytes: UInt64(clamping: maxDiskBytes), inodes: UInt64(clamping: maxDiskInodes))
    }
}
