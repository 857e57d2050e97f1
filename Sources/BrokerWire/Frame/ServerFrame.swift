package import AgentBackend
package import NIOCore

/// What the broker sends: an answer, a part of one, or something about the connection itself.
package struct ServerFrame: Sendable {
    package enum Body: Sendable {
        indirect case helloReply(HelloReply)
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        /// `stream` 0 is the connection.
        case window(stream: UInt64, bytes: UInt64)
        indirect case goAway(GoAway)
        case chunk
        case error(BackendError)
        case reply(Reply)
        /// Of a newer broker, or none at all.
        case unknown
    }

    package var id: UInt64
    package var last: Bool
    package var body: Body
    package var payload: ByteBuffer

    package init(id: UInt64, last: Bool = true, body: Body, payload: ByteBuffer = ByteBuffer()) {
        self.id = id
        self.last = last
        self.body = body
        self.payload = payload
    }
}

/// What a call is answered with. What is large is indirect, so that no answer is larger for it.
package enum Reply: Sendable {
    case echo
    case acquire(AcquireReply)
    case release(released: Bool)
    indirect case describe(DescribeReply)
    case read(FileInfo)
    case write(FileInfo)
    case readdir(DirectoryPage)
    case stat(FileInfo)
    case rm
    case exists(Bool)
    case mkdir
    case touch(FileInfo)
    case rename
    case copy(CopyResult)
    case glob(FilePage)
    case grep(GrepPage)
    indirect case edit(EditResult)
    indirect case readLines(LinePage)
    case statMany(ManyFileInfos)
    case readMany(ManyFileContents)
    case chmod(FileInfo)
    case symlink
    case tree(FilePage)
    case watchEvents(WatchEvents)
    case diskUsage(DiskUsage)
    case archive(ArchiveSummary)
    case extract(ExtractResult)
    case uploadBegin(offset: UInt64)
    case uploadAppend(offset: UInt64)
    case uploadFinish(FileInfo)
    case uploadAbort(aborted: Bool)
    indirect case checksum(FileChecksum)
    case listKeys(KeyPage)
    case deleteKey(deleted: Bool)
    case clearKeys(cleared: UInt64)
    case execStarted(ExecStarted)
    case execOutput(ExecOutput)
    indirect case execEnd(ExecEndReply)
    case execList(ExecPage)
    indirect case execAttached(BackgroundCommandInfo)
    case execGap(ExecGap)
    case execSignal
    case execResize
    case listWorkspaces(WorkspacePage)
    case deleteWorkspace(deleted: Bool)
    indirect case stats(StatsReply)
    case connections(ConnectionPage)
    case pools(PoolPage)
    case logs
    case reload(ReloadReply)
    indirect case drain(DrainReport)
    case entries(EntryPage)
    case commands(CommandPage)
    case killCommand
    case destroyEntry
    case audit(AuditRecordPage)
}
