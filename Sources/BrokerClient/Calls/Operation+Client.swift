internal import BrokerWire

/// What a client knows of operations.
extension Operation {
    /// As in errors and in the broker's logs.
    var name: String {
        switch self {
        case .echo: "echo"
        case .acquire: "acquire"
        case .release: "release"
        case .describe: "describe"
        case .read: "read"
        case .write: "write"
        case .readdir: "readdir"
        case .stat: "stat"
        case .rm: "rm"
        case .exists: "exists"
        case .mkdir: "mkdir"
        case .touch: "touch"
        case .rename: "rename"
        case .copy: "copy"
        case .glob: "glob"
        case .grep: "grep"
        case .edit: "edit"
        case .readLines: "read_lines"
        case .statMany: "stat_many"
        case .readMany: "read_many"
        case .chmod: "chmod"
        case .symlink: "symlink"
        case .tree: "tree"
        case .diskUsage: "disk_usage"
        case .archive: "archive"
        case .extract: "extract"
        case .watch: "watch"
        case .uploadBegin: "upload_begin"
        case .uploadAppend: "upload_append"
        case .uploadFinish: "upload_finish"
        case .uploadAbort: "upload_abort"
        case .checksum: "checksum"
        case .listKeys: "list_keys"
        case .deleteKey: "delete_key"
        case .clearKeys: "clear_keys"
        case .listWorkspaces: "list_workspaces"
        case .deleteWorkspace: "delete_workspace"
        case .execStart: "exec"
        case .execList: "exec_list"
        case .execAttach: "exec_attach"
        case .execWait: "exec_wait"
        case .execSignal: "exec_signal"
        case .execResize: "exec_resize"
        case .stats: "stats"
        case .connections: "connections"
        case .pools: "pools"
        case .logs: "logs"
        case .reload: "reload"
        case .drain: "drain"
        case .listEntries: "list_entries"
        case .listCommands: "list_commands"
        case .killCommand: "kill_command"
        case .destroyEntry: "destroy_entry"
        case .audit: "audit_query"
        }
    }

    /// It changes nothing: doing it again does no harm.
    var isRead: Bool {
        switch self {
        case .echo, .describe, .read, .readdir, .stat, .exists, .glob, .grep, .readLines, .statMany, .readMany,
            .tree, .diskUsage, .archive, .watch, .checksum, .listKeys, .listWorkspaces,
            .stats,
            .connections,
            .pools, .logs, .audit, .listEntries, .listCommands, .execList, .execAttach, .execWait:
            true
        case .acquire, .release, .write, .rm, .mkdir, .touch, .rename, .copy, .edit, .chmod, .symlink, .extract,
            .uploadBegin, .uploadAppend, .uploadFinish, .uploadAbort,
            .deleteKey,
            .clearKeys,
            .deleteWorkspace, .execStart, .execSignal, .execResize, .reload, .drain, .killCommand,
            .destroyEntry:
            false
        }
    }
}
