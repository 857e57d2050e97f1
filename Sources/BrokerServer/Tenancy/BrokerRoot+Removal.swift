package import AgentBackend
import Glibc

extension BrokerRoot {
    /// Takes away what an earlier broker left of temporary files and of workspaces without a key, of all orgs that
    /// ever were: at the start, before ``prepare(_:)``. Quick, whatever is in them: they are only moved, and
    /// ``emptyTrash()`` removes them. What cannot be moved is reported and is no reason not to start.
    package func setAsideTemporaryFiles() throws(BackendError) -> SweepReport {
        try forEachOrg { org, report throws(SystemFailure) in
            let trash = try Trash(of: org)
            if try trash.setAside(Self.temporaryNames, in: org) != nil { report.removed += 1 }
        }
    }

    /// Removes all that was moved to the trash, of all orgs. An org may have filled it with millions of files: to be
    /// called after the start, on a thread that has time. Safe beside everything else. Ends early once `isStopped`; the
    /// rest is left for the next start.
    package func emptyTrash(isStopped: () -> Bool = { false }) throws(BackendError) -> SweepReport {
        try forEachOrg { org, report throws(SystemFailure) in
            report.add(try Trash(of: org).emptyAll(isStopped: isStopped))
        }
    }

    /// Removes a workspace without a key and all that is in it. Idempotent.
    package func discard(_ workspace: KeylessWorkspace, of org: Org) throws(BackendError) -> SweepReport {
        let directory = try openOrg(org)
        let keyless = try openKeyless(in: directory)
        return try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            let trash = try Trash(of: directory)
            guard let pit = try trash.setAside([workspace.name], in: keyless) else { return SweepReport() }
            return try trash.empty(pit)
        }
    }

    /// Takes away a key's files, whatever its owner did to them: they are gone from the workspace's path when this
    /// returns, and ``empty(_:)`` removes them. Nil: there were none. To be called while no entry uses them.
    package func setAsideWorkspace(of org: Org, key: String) throws(BackendError) -> DiscardedWorkspace? {
        try Name.validate(key, kind: "key")
        let directory = try openOrg(org)
        let pit = try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            try Trash(of: directory).setAside([key], in: directory)
        }
        try forgetUse(of: org, key: key)
        return pit.map { DiscardedWorkspace(org: org, pit: $0) }
    }

    /// Removes what was set aside, which takes its time. What stays is tried again at the next start.
    package func empty(_ workspace: DiscardedWorkspace) throws(BackendError) -> SweepReport {
        let directory = try openOrg(workspace.org)
        return try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            try Trash(of: directory).empty(workspace.pit)
        }
    }

    /// Calls `body` for the directory of each org; an org that it fails for is counted as left.
    private func forEachOrg(
        _ body: (borrowing OwnedDescriptor, inout SweepReport) throws(SystemFailure) -> Void
    ) throws(BackendError) -> SweepReport {
        var report = SweepReport()
        for name in try orgNames() {
            do {
                try body(try OwnedDescriptor.directory(name, in: orgs.raw), &report)
            } catch {
                report.add(SweepReport(left: 1, lastErrno: error.errno))
            }
        }
        return report
    }
}

/// A workspace that is on its way out: nothing leads to it any more.
package struct DiscardedWorkspace: Sendable {
    fileprivate let org: Org
    fileprivate let pit: String
}
