package import NIOCore

/// What a client sends: a call, the next piece of one, or something about the connection itself.
package struct ClientFrame: Sendable {
    package enum Body: Sendable {
        indirect case hello(Hello)
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        case cancel(call: UInt64)
        /// `stream` 0 is the connection.
        case window(stream: UInt64, bytes: UInt64)
        indirect case goAway(GoAway)
        case chunk
        case call(Operation)
        /// Of a newer client, or none at all.
        case unknown
    }

    package var id: UInt64
    package var target: Target?
    package var last: Bool
    package var options: CallOptions
    package var body: Body
    package var payload: ByteBuffer

    package init(
        id: UInt64,
        target: Target? = nil,
        last: Bool = true,
        options: CallOptions = CallOptions(),
        body: Body,
        payload: ByteBuffer = ByteBuffer()
    ) {
        self.id = id
        self.target = target
        self.last = last
        self.options = options
        self.body = body
        self.payload = payload
    }
}

/// What a caller may say of any call.
package struct CallOptions: Sendable {
    /// 0: none.
    package var lane: UInt32 = 0
    /// Most calls say nothing more, and carry one pointer for it.
    package var special: Special?

    package init() {}

    package init(lane: UInt32 = 0, _ special: Special) {
        self.lane = lane
        self.special = special
    }

    package var deadline: Duration? { special?.deadline }
    package var queueDeadline: Duration? { special?.queueDeadline }

    package final class Special: Sendable {
        package let deadline: Duration?
        package let queueDeadline: Duration?
        /// Numbers of ``Feature``, unknown ones included.
        package let requires: [UInt32]
        package let traceparent: String
        package let idempotencyKey: String

        package init(
            deadline: Duration? = nil,
            queueDeadline: Duration? = nil,
            requires: [UInt32] = [],
            traceparent: String = "",
            idempotencyKey: String = ""
        ) {
            self.deadline = deadline
            self.queueDeadline = queueDeadline
            self.requires = requires
            self.traceparent = traceparent
            self.idempotencyKey = idempotencyKey
        }
    }
}

/// What a call asks for. One case, one line in each mapping, and one verb of the broker's per operation.
package enum Operation: Sendable, Hashable {
    case echo
    indirect case acquire(Acquire)
    case release(Release)
    case describe
    case read(Read)
    case write(Write)
    case readdir(Readdir)
    case stat(Stat)
    case rm(Rm)
    case exists(Exists)
    case mkdir(Mkdir)
    case touch(Touch)
    indirect case rename(Rename)
    indirect case copy(Copy)
    indirect case glob(Glob)
    indirect case grep(Grep)
    case edit(Edit)
    case readLines(ReadLines)
    case statMany(StatMany)
    case readMany(ReadMany)
    case chmod(Chmod)
    case symlink(Symlink)
    indirect case tree(Tree)
    case watch(WatchFiles)
    case diskUsage(MeasureUsage)
    case archive(Archive)
    case extract(Extract)
    case uploadBegin(UploadBegin)
    case uploadAppend(UploadAppend)
    case uploadFinish(UploadFinish)
    case uploadAbort(UploadAbort)
    case checksum(Checksum)
    case listKeys(ListKeys)
    case deleteKey(DeleteKey)
    case clearKeys
    indirect case execStart(ExecStart)
    case execList(ExecList)
    case execAttach(ExecAttach)
    case execWait(ExecWait)
    case execSignal(ExecSignal)
    case execResize(ExecResize)
    case listWorkspaces(ListWorkspaces)
    case deleteWorkspace(DeleteWorkspace)
    case stats(Stats)
    case connections(ListConnections)
    case pools(ListPools)
    case logs(FollowLogs)
    case reload
    case drain
    case listEntries(ListEntries)
    case listCommands(ListCommands)
    case killCommand(KillCommand)
    case destroyEntry(DestroyEntry)
    indirect case audit(QueryAudit)

    /// Whether more may come from the caller after the first frame. For all others that frame is the whole call.
    package var streamsFromCaller: Bool {
        switch self {
        case .write, .extract, .uploadAppend: true
        case .execStart(let call): call.opensStandardInput
        case .echo, .acquire, .release, .describe, .read, .readdir, .stat, .rm, .exists, .mkdir, .touch, .rename,
            .copy, .glob, .grep, .edit, .readLines, .statMany, .readMany, .chmod, .symlink, .tree, .diskUsage, .watch,
            .archive, .uploadBegin, .uploadFinish, .uploadAbort, .checksum,
            .listKeys, .deleteKey,
            .clearKeys,
            .execList,
            .execAttach,
            .execWait, .execSignal, .execResize,
            .listWorkspaces, .deleteWorkspace, .stats, .connections, .pools, .logs, .reload, .drain, .audit,
            .listEntries, .listCommands, .killCommand, .destroyEntry:
            false
        }
    }
}
