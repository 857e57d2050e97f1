internal import AgentBackend
internal import CBrokerProtos
package import NIOCore

/// Unpacks what a broker sends. Owns the memory for it; one per connection, used by one thread at a time.
package struct ServerFrameDecoder: ~Copyable {
    private let arena = WireArena()
    private let maximumHeadLength: Int

    package init(maximumHeadLength: Int = FrameHeader.defaultMaximumHeadLength) {
        self.maximumHeadLength = maximumHeadLength
    }

    package func decode(_ message: ByteBuffer) throws(FrameFault) -> ServerFrame {
        try MessageCodec.decode(message, maximumHeadLength: maximumHeadLength, arena: arena) {
            head,
            payload throws(BackendError) in
            guard let frame = FrameViews.server.unpack(head, as: Agentbroker__V1__ServerFrame.self) else {
                throw MessageCodec.malformed
            }
            return ServerFrame(
                id: frame.pointee.id,
                last: frame.pointee.last != 0,
                body: try ServerFrame.Body(frame.pointee),
                payload: payload
            )
        }
    }
}

extension ServerFrame.Body {
    fileprivate init(_ message: Agentbroker__V1__ServerFrame) throws(BackendError) {
        switch message.body_case {
        case AGENTBROKER__V1__SERVER_FRAME__BODY_ECHO_REPLY: self = .reply(.echo)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_ACQUIRE_REPLY:
            self = .reply(.acquire(AcquireReply(message.acquire_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_RELEASE_REPLY:
            self = .reply(.release(released: message.release_reply.pointee.released != 0))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DESCRIBE_REPLY:
            self = .reply(.describe(try DescribeReply(message.describe_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_READ_REPLY:
            self = .reply(.read(try FileInfo(answered: message.read_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_WRITE_REPLY:
            self = .reply(.write(try FileInfo(answered: message.write_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_READDIR_REPLY:
            self = .reply(.readdir(try DirectoryPage(message.readdir_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_STAT_REPLY:
            self = .reply(.stat(try FileInfo(answered: message.stat_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_RM_REPLY: self = .reply(.rm)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXISTS_REPLY:
            self = .reply(.exists(message.exists_reply.pointee.exists != 0))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_MKDIR_REPLY: self = .reply(.mkdir)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_TOUCH_REPLY:
            self = .reply(.touch(try FileInfo(answered: message.touch_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_RENAME_REPLY: self = .reply(.rename)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_COPY_REPLY:
            self = .reply(.copy(CopyResult(message.copy_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_GLOB_REPLY:
            self = .reply(.glob(try FilePage(message.glob_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_GREP_REPLY:
            self = .reply(.grep(try GrepPage(message.grep_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EDIT_REPLY:
            self = .reply(.edit(try EditResult(message.edit_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_READ_LINES_REPLY:
            self = .reply(.readLines(try LinePage(message.read_lines_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_STAT_MANY_REPLY:
            self = .reply(.statMany(try ManyFileInfos(message.stat_many_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_READ_MANY_REPLY:
            self = .reply(.readMany(try ManyFileContents(message.read_many_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_CHMOD_REPLY:
            self = .reply(.chmod(try FileInfo(answered: message.chmod_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_SYMLINK_REPLY: self = .reply(.symlink)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_TREE_REPLY:
            self = .reply(.tree(try FilePage(tree: message.tree_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DISK_USAGE_REPLY:
            self = .reply(.diskUsage(try DiskUsage(message.disk_usage_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_ARCHIVE_REPLY:
            self = .reply(.archive(ArchiveSummary(message.archive_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXTRACT_REPLY:
            self = .reply(.extract(ExtractResult(message.extract_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_WATCH_EVENTS:
            self = .reply(.watchEvents(try WatchEvents(message.watch_events.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_BEGIN_REPLY:
            self = .reply(.uploadBegin(offset: message.upload_begin_reply.pointee.offset))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_APPEND_REPLY:
            self = .reply(.uploadAppend(offset: message.upload_append_reply.pointee.offset))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_FINISH_REPLY:
            self = .reply(.uploadFinish(try FileInfo(answered: message.upload_finish_reply.pointee.info)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_ABORT_REPLY:
            self = .reply(.uploadAbort(aborted: message.upload_abort_reply.pointee.aborted != 0))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_CHECKSUM_REPLY:
            self = .reply(.checksum(try FileChecksum(message.checksum_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_KEYS_REPLY:
            self = .reply(.listKeys(try KeyPage(message.list_keys_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DELETE_KEY_REPLY:
            self = .reply(.deleteKey(deleted: message.delete_key_reply.pointee.deleted != 0))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_CLEAR_KEYS_REPLY:
            self = .reply(.clearKeys(cleared: message.clear_keys_reply.pointee.cleared))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_STARTED:
            self = .reply(.execStarted(try ExecStarted(message.exec_started.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_OUTPUT:
            self = .reply(.execOutput(try ExecOutput(message.exec_output.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_END:
            self = .reply(.execEnd(try ExecEndReply(message.exec_end.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_LIST_REPLY:
            self = .reply(.execList(try ExecPage(message.exec_list_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_ATTACHED:
            guard let info = message.exec_attached.pointee.info else { throw MessageCodec.malformed }
            self = .reply(.execAttached(try BackgroundCommandInfo(info.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_GAP:
            self = .reply(.execGap(try ExecGap(message.exec_gap.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_SIGNAL_REPLY: self = .reply(.execSignal)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_RESIZE_REPLY: self = .reply(.execResize)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_WORKSPACES_REPLY:
            self = .reply(.listWorkspaces(try WorkspacePage(message.list_workspaces_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DELETE_WORKSPACE_REPLY:
            self = .reply(.deleteWorkspace(deleted: message.delete_workspace_reply.pointee.deleted != 0))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_STATS_REPLY:
            self = .reply(.stats(try StatsReply(message.stats_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_CONNECTIONS_REPLY:
            self = .reply(.connections(try ConnectionPage(message.connections_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_POOLS_REPLY:
            self = .reply(.pools(try PoolPage(message.pools_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_LOGS_REPLY: self = .reply(.logs)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_RELOAD_REPLY:
            self = .reply(.reload(try ReloadReply(message.reload_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DRAIN_REPLY:
            self = .reply(.drain(DrainReport(message.drain_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_ENTRIES_REPLY:
            self = .reply(.entries(try EntryPage(message.list_entries_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_COMMANDS_REPLY:
            self = .reply(.commands(try CommandPage(message.list_commands_reply.pointee)))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_KILL_COMMAND_REPLY: self = .reply(.killCommand)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_DESTROY_ENTRY_REPLY: self = .reply(.destroyEntry)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_AUDIT_QUERY_REPLY:
            self = .reply(.audit(try AuditRecordPage(message.audit_query_reply.pointee)))

        case AGENTBROKER__V1__SERVER_FRAME__BODY_CHUNK: self = .chunk
        case AGENTBROKER__V1__SERVER_FRAME__BODY_ERROR: self = .error(try BackendError(message.error.pointee))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_WINDOW:
            self = .window(stream: message.window.pointee.stream, bytes: message.window.pointee.bytes)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_PING: self = .ping(nonce: message.ping.pointee.nonce)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_PONG: self = .pong(nonce: message.pong.pointee.nonce)
        case AGENTBROKER__V1__SERVER_FRAME__BODY_HELLO_REPLY:
            self = .helloReply(try HelloReply(message.hello_reply.pointee))
        case AGENTBROKER__V1__SERVER_FRAME__BODY_GO_AWAY: self = .goAway(try GoAway(message.go_away.pointee))
        default: self = .unknown
        }
    }
}

extension FileInfo {
    fileprivate init(answered info: UnsafeMutablePointer<Agentbroker__V1__FileInfo>?) throws(BackendError) {
        guard let info else {
            throw BackendError(.protocolError, message: "an answer tells nothing of the file: the broker is at fault")
        }
        self.init(info.pointee)
    }
}
