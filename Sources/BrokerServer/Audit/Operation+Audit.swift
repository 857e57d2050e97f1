internal import AgentBackend
internal import BrokerWire

/// What the audit log records of an operation.
extension Operation {
    /// Whether each call of it is recorded: it changes something, runs or ends a command, or takes or gives back a lease.
    /// Of the others only those that are refused are. Spelled out, so that no existential is made per call.
    var isAudited: Bool {
        switch self {
        case .write, .rm, .mkdir, .touch, .rename, .copy, .edit, .chmod, .symlink, .extract, .deleteKey, .clearKeys,
            .execStart, .execSignal, .execResize, .acquire, .release, .deleteWorkspace, .uploadBegin, .uploadAppend,
            .uploadFinish, .uploadAbort, .killCommand, .destroyEntry, .reload, .drain:
            true
        case .echo, .describe, .read, .readdir, .stat, .exists, .glob, .grep, .readLines, .statMany, .readMany, .tree,
            .diskUsage, .archive, .watch, .listKeys, .execList, .execAttach, .execWait, .listWorkspaces, .stats,
            .connections, .pools, .logs, .audit, .checksum, .listEntries, .listCommands:
            false
        }
    }

    /// What it works on: a path, a command line, or what else tells one call from another.
    var auditedSubject: [UInt8] {
        switch self {
        case .execSignal(let call):
            Array((call.call == 0 ? "" : "call \(call.call) ").utf8) + "signal \(call.signal)".utf8
        case .release(let call): Array("lease \(call.lease)".utf8)
        case .killCommand(let call):
            Array((["command \(call.number)"] + (auditedOrg.map { ["org \($0)"] } ?? [])).joined(separator: " ").utf8)
        case .uploadBegin(let call): call.file.path + Array(" as \(call.upload)".utf8)
        case .stats, .connections, .logs, .audit, .listEntries, .listCommands, .execAttach, .destroyEntry:
            auditedOrg.map { Array("org \($0)".utf8) } ?? []
        default: subject
        }
    }

    /// The org that it names in place of the caller's.
    var auditedOrg: String? {
        let name: String
        switch self {
        case .stats(let call): name = call.org
        case .connections(let call): name = call.org
        case .logs(let call): name = call.org
        case .audit(let call): name = call.org
        case .listEntries(let call): name = call.org
        case .listCommands(let call): name = call.org
        case .killCommand(let call): name = call.org
        case .destroyEntry(let call): name = call.org
        case .execAttach(let call): name = call.org
        default: return nil
        }
        return name.isEmpty ? nil : name
    }

    /// The command in the background that it is about.
    var auditedExec: UInt64? {
        let id: UInt64
        switch self {
        case .execSignal(let call): id = call.exec
        case .execResize(let call): id = call.exec
        case .execAttach(let call): id = call.exec
        case .execWait(let call): id = call.exec
        case .killCommand(let call): id = call.number
        default: return nil
        }
        return id == 0 ? nil : id
    }

    /// The key that it names itself, where the target names none.
    var auditedKey: String? {
        switch self {
        case .deleteWorkspace(let call): call.key
        case .destroyEntry(let call): call.key
        default: nil
        }
    }

    private var subject: [UInt8] {
        switch verb {
        case .entry(let verb): verb.subject
        case .upload(let verb): verb.subject
        case .session(let verb): verb.subject
        case .stream(let verb): verb.subject
        }
    }
}
