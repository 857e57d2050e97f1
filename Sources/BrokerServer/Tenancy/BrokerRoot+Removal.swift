package import AgentBackend
import Glibc

extension BrokerRoot {
    /// Takes away what an earlier broker left of temporary files and of workspaces without a key, of all orgs that
    /// ever were: at the start, before ``prepare(_:)``. Quick, whatever is in them: they are only moved, and
    /// ``emptyTrash(of:isStopped:)`` removes them. What cannot be moved is reported and is no reason not to start.
    package func setAsideTemporaryFiles() throws(BackendError) -> SweepReport {
        try forEachOrg { org, report throws(SystemFailure) in
            let trash = try Trash(of: org)
            if try trash.setAside(Self.temporaryNames, in: org) != nil { report.removed += 1 }
        }
    }

    /// Removes all that was moved to an org's trash. An org may have filled it with millions of files: for a thread that
    /// has time. Safe beside everything else. Ends early once `isStopped`; the rest stays.
    package func emptyTrash(of org: String, isStopped: () -> Bool = { false }) throws(BackendError) -> SweepReport {
        try SystemFailure.concealing("cannot empty the trash") { () throws(SystemFailure) in
            try Trash(of: try OwnedDescriptor.directory(org, in: orgs.raw)).emptyAll(isStopped: isStopped)
        }
    }

    /// Takes away a workspace without a key, with all that is in it. Idempotent.
    package func setAside(_ workspace: KeylessWorkspace, of org: Org) throws(BackendError) {
        let directory = try openOrg(org)
        let keyless = try openKeyless(in: directory)
        try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            _ = try Trash(of: directory).setAside([workspace.name], in: keyless)
        }
    }

    /// Takes away a key's files, whatever their owner did to them: they are gone from the workspace's path when this
    /// returns, and ``emptyTrash(of:isStopped:)`` removes them. False: there were none. To be called while no entry uses
    /// them.
    package func setAsideWorkspace(of org: Org, key: String) throws(BackendError) -> Bool {
        try Name.validate(key, kind: "key")
        let directory = try openOrg(org)
        let pit = try SystemFailure.concealing("cannot remove the workspace") { () throws(SystemFailure) in
            try Trash(of: directory).setAside([key], in: directory)
        }
        // What stays is written over with the next use.
        try? forgetUse(of: org, key: key)
        return pit != nil
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
