internal import BrokerWire

/// The operation of a call, as it is counted.
package enum CountedOperation: Int, Sendable, CaseIterable {
    case echo, acquire, release, describe
    case read, write, readdir, stat, rm, exists, mkdir, touch, rename, copy, edit, readLines, statMany, readMany, chmod
    case symlink, listKeys, deleteKey, clearKeys
    case glob, grep, tree, diskUsage
    case archive, extract
    case uploadBegin, uploadAppend, uploadFinish, uploadAbort, checksum
    case exec, execList, execAttach, execWait, execSignal, execResize
    case watch
    case listWorkspaces, deleteWorkspace, stats, connections, pools, logs, reload, drain
    case listEntries, listCommands, killCommand, destroyEntry, auditQuery
    /// One that this broker does not know.
    case unknown

    /// What takes about as long, or depends on the same.
    package enum Class: Int, Sendable, CaseIterable {
        case echo, file, search, archive, exec
        /// On leases, workspaces, commands in the background and the broker itself.
        case control
        /// That go on as long as their callers want.
        case follow

        package var name: String { "\(self)" }
    }

    /// As in logs and errors: the case, as ``Verb/name`` is written.
    package var name: String { Self.names[rawValue] }

    private static let names = allCases.map { operation in
        "\(operation)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }

    var operationClass: Class {
        switch self {
        case .echo: .echo
        case .read, .write, .readdir, .stat, .rm, .exists, .mkdir, .touch, .rename, .copy, .edit, .readLines, .statMany,
            .readMany, .chmod, .symlink, .listKeys, .deleteKey, .clearKeys, .uploadBegin, .uploadAppend, .uploadFinish,
            .uploadAbort, .checksum:
            .file
        case .glob, .grep, .tree, .diskUsage: .search
        case .archive, .extract: .archive
        case .exec: .exec
        case .acquire, .release, .describe, .execList, .execSignal, .execResize, .listWorkspaces, .deleteWorkspace,
            .stats, .connections, .pools, .reload, .listEntries, .listCommands, .killCommand, .destroyEntry,
            .auditQuery,
            .unknown:
            .control
        case .watch, .execAttach, .execWait, .logs, .drain: .follow
        }
    }
}

extension Operation {
    /// Spelled out rather than through ``Operation/verb``, so that no existential is made per call.
    var counted: CountedOperation {
        switch self {
        case .echo: .echo
        case .acquire: .acquire
        case .release: .release
        case .describe: .describe
        case .read: .read
        case .write: .write
        case .readdir: .readdir
        case .stat: .stat
        case .rm: .rm
        case .exists: .exists
        case .mkdir: .mkdir
        case .touch: .touch
        case .rename: .rename
        case .copy: .copy
        case .glob: .glob
        case .grep: .grep
        case .edit: .edit
        case .readLines: .readLines
        case .statMany: .statMany
        case .readMany: .readMany
        case .chmod: .chmod
        case .symlink: .symlink
        case .tree: .tree
        case .watch: .watch
        case .diskUsage: .diskUsage
        case .archive: .archive
        case .extract: .extract
        case .uploadBegin: .uploadBegin
        case .uploadAppend: .uploadAppend
        case .uploadFinish: .uploadFinish
        case .uploadAbort: .uploadAbort
        case .checksum: .checksum
        case .listKeys: .listKeys
        case .deleteKey: .deleteKey
        case .clearKeys: .clearKeys
        case .execStart: .exec
        case .execList: .execList
        case .execAttach: .execAttach
        case .execWait: .execWait
        case .execSignal: .execSignal
        case .execResize: .execResize
        case .listWorkspaces: .listWorkspaces
        case .deleteWorkspace: .deleteWorkspace
        case .stats: .stats
        case .connections: .connections
        case .pools: .pools
        case .logs: .logs
        case .reload: .reload
        case .drain: .drain
        case .listEntries: .listEntries
        case .listCommands: .listCommands
        case .killCommand: .killCommand
        case .destroyEntry: .destroyEntry
        case .audit: .auditQuery
        }
    }
}
