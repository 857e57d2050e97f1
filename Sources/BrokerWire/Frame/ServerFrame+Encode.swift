internal import AgentBackend
internal import CBrokerProtos
package import NIOCore

/// Packs what the broker sends. Owns the memory for it, which lasts for one frame; one per event loop, used there.
package struct ServerFrameEncoder: ~Copyable {
    private let arena = WireArena()

    package init() {}

    /// Appends the frame. Returns its payload where that is to be written next, by reference.
    package func encode(_ frame: ServerFrame, into out: inout ByteBuffer) -> ByteBuffer? {
        arena.reset(budget: .max)
        defer { arena.empty() }
        let builder = MessageBuilder(allocator: arena.allocator)
        let message = builder.make(agentbroker__v1__server_frame__init)
        message.pointee.id = frame.id
        message.pointee.last = frame.last ? 1 : 0
        frame.body.build(builder, into: &message.pointee)
        FrameViews.server.narrow(&message.pointee.base, toBody: message.pointee.body_case.rawValue)
        return MessageCodec.encode(&message.pointee.base, payload: frame.payload, into: &out)
    }
}

extension ServerFrame.Body {
    fileprivate func build(_ builder: MessageBuilder, into message: inout Agentbroker__V1__ServerFrame) {
        switch self {
        case .reply(let reply):
            reply.build(builder, into: &message)
        case .chunk:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_CHUNK
            message.chunk = builder.make(agentbroker__v1__chunk__init)
        case .error(let error):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ERROR
            message.error = error.build(builder)
        case .window(let stream, let bytes):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_WINDOW
            message.window = builder.make(agentbroker__v1__window__init)
            message.window.pointee.stream = stream
            message.window.pointee.bytes = bytes
        case .ping(let nonce):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_PING
            message.ping = builder.make(agentbroker__v1__ping__init)
            message.ping.pointee.nonce = nonce
        case .pong(let nonce):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_PONG
            message.pong = builder.make(agentbroker__v1__pong__init)
            message.pong.pointee.nonce = nonce
        case .helloReply(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_HELLO_REPLY
            message.hello_reply = reply.build(builder)
        case .goAway(let goAway):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_GO_AWAY
            message.go_away = goAway.build(builder)
        case .unknown:
            break
        }
    }
}

extension Reply {
    fileprivate func build(_ builder: MessageBuilder, into message: inout Agentbroker__V1__ServerFrame) {
        switch self {
        case .echo:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ECHO_REPLY
            message.echo_reply = builder.make(agentbroker__v1__echo_reply__init)
        case .acquire(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ACQUIRE_REPLY
            message.acquire_reply = reply.build(builder)
        case .release(let released):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_RELEASE_REPLY
            message.release_reply = builder.make(agentbroker__v1__release_reply__init)
            message.release_reply.pointee.released = released ? 1 : 0
        case .describe(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DESCRIBE_REPLY
            message.describe_reply = reply.build(builder)
        case .read(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_READ_REPLY
            message.read_reply = builder.make(agentbroker__v1__read_reply__init)
            message.read_reply.pointee.info = info.build(builder)
        case .write(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_WRITE_REPLY
            message.write_reply = builder.make(agentbroker__v1__write_reply__init)
            message.write_reply.pointee.info = info.build(builder)
        case .readdir(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_READDIR_REPLY
            message.readdir_reply = page.build(builder)
        case .stat(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_STAT_REPLY
            message.stat_reply = builder.make(agentbroker__v1__stat_reply__init)
            message.stat_reply.pointee.info = info.build(builder)
        case .rm:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_RM_REPLY
            message.rm_reply = builder.make(agentbroker__v1__rm_reply__init)
        case .exists(let exists):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXISTS_REPLY
            message.exists_reply = builder.make(agentbroker__v1__exists_reply__init)
            message.exists_reply.pointee.exists = exists ? 1 : 0
        case .mkdir:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_MKDIR_REPLY
            message.mkdir_reply = builder.make(agentbroker__v1__mkdir_reply__init)
        case .touch(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_TOUCH_REPLY
            message.touch_reply = builder.make(agentbroker__v1__touch_reply__init)
            message.touch_reply.pointee.info = info.build(builder)
        case .rename:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_RENAME_REPLY
            message.rename_reply = builder.make(agentbroker__v1__rename_reply__init)
        case .copy(let result):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_COPY_REPLY
            message.copy_reply = result.build(builder)
        case .glob(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_GLOB_REPLY
            message.glob_reply = reply.build(builder)
        case .grep(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_GREP_REPLY
            message.grep_reply = reply.build(builder)
        case .edit(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EDIT_REPLY
            message.edit_reply = reply.build(builder)
        case .readLines(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_READ_LINES_REPLY
            message.read_lines_reply = reply.build(builder)
        case .statMany(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_STAT_MANY_REPLY
            message.stat_many_reply = reply.build(builder)
        case .readMany(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_READ_MANY_REPLY
            message.read_many_reply = reply.build(builder)
        case .chmod(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_CHMOD_REPLY
            message.chmod_reply = builder.make(agentbroker__v1__chmod_reply__init)
            message.chmod_reply.pointee.info = info.build(builder)
        case .symlink:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_SYMLINK_REPLY
            message.symlink_reply = builder.make(agentbroker__v1__symlink_reply__init)
        case .tree(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_TREE_REPLY
            message.tree_reply = reply.buildTree(builder)
        case .diskUsage(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DISK_USAGE_REPLY
            message.disk_usage_reply = reply.build(builder)
        case .archive(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ARCHIVE_REPLY
            message.archive_reply = reply.build(builder)
        case .extract(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXTRACT_REPLY
            message.extract_reply = reply.build(builder)
        case .watchEvents(let events):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_WATCH_EVENTS
            message.watch_events = events.build(builder)
        case .uploadBegin(let offset):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_BEGIN_REPLY
            message.upload_begin_reply = builder.make(agentbroker__v1__upload_reply__init)
            message.upload_begin_reply.pointee.offset = offset
        case .uploadAppend(let offset):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_APPEND_REPLY
            message.upload_append_reply = builder.make(agentbroker__v1__upload_reply__init)
            message.upload_append_reply.pointee.offset = offset
        case .uploadFinish(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_FINISH_REPLY
            message.upload_finish_reply = builder.make(agentbroker__v1__upload_finish_reply__init)
            message.upload_finish_reply.pointee.info = info.build(builder)
        case .uploadAbort(let aborted):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_UPLOAD_ABORT_REPLY
            message.upload_abort_reply = builder.make(agentbroker__v1__upload_abort_reply__init)
            message.upload_abort_reply.pointee.aborted = aborted ? 1 : 0
        case .checksum(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_CHECKSUM_REPLY
            message.checksum_reply = reply.build(builder)
        case .listKeys(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_KEYS_REPLY
            message.list_keys_reply = page.build(builder)
        case .deleteKey(let deleted):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DELETE_KEY_REPLY
            message.delete_key_reply = builder.make(agentbroker__v1__delete_key_reply__init)
            message.delete_key_reply.pointee.deleted = deleted ? 1 : 0
        case .clearKeys(let cleared):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_CLEAR_KEYS_REPLY
            message.clear_keys_reply = builder.make(agentbroker__v1__clear_keys_reply__init)
            message.clear_keys_reply.pointee.cleared = cleared
        case .listWorkspaces(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_WORKSPACES_REPLY
            message.list_workspaces_reply = page.build(builder)
        case .deleteWorkspace(let deleted):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DELETE_WORKSPACE_REPLY
            message.delete_workspace_reply = builder.make(agentbroker__v1__delete_workspace_reply__init)
            message.delete_workspace_reply.pointee.deleted = deleted ? 1 : 0
        case .execStarted(let started):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_STARTED
            message.exec_started = started.build(builder)
        case .execOutput(let output):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_OUTPUT
            message.exec_output = output.build(builder)
        case .execEnd(let end):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_END
            message.exec_end = end.build(builder)
        case .execList(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_LIST_REPLY
            message.exec_list_reply = page.build(builder)
        case .execAttached(let info):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_ATTACHED
            message.exec_attached = builder.make(agentbroker__v1__exec_attached__init)
            message.exec_attached.pointee.info = info.build(builder)
        case .execGap(let gap):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_GAP
            message.exec_gap = gap.build(builder)
        case .execSignal:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_SIGNAL_REPLY
            message.exec_signal_reply = builder.make(agentbroker__v1__exec_signal_reply__init)
        case .execResize:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_EXEC_RESIZE_REPLY
            message.exec_resize_reply = builder.make(agentbroker__v1__exec_resize_reply__init)
        case .stats(let stats):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_STATS_REPLY
            message.stats_reply = stats.build(builder)
        case .connections(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_CONNECTIONS_REPLY
            message.connections_reply = page.build(builder)
        case .pools(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_POOLS_REPLY
            message.pools_reply = page.build(builder)
        case .logs:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_LOGS_REPLY
            message.logs_reply = builder.make(agentbroker__v1__logs_reply__init)
        case .reload(let reply):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_RELOAD_REPLY
            message.reload_reply = reply.build(builder)
        case .drain(let report):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DRAIN_REPLY
            message.drain_reply = report.build(builder)
        case .entries(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_ENTRIES_REPLY
            message.list_entries_reply = page.build(builder)
        case .commands(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_LIST_COMMANDS_REPLY
            message.list_commands_reply = page.build(builder)
        case .killCommand:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_KILL_COMMAND_REPLY
            message.kill_command_reply = builder.make(agentbroker__v1__kill_command_reply__init)
        case .destroyEntry:
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_DESTROY_ENTRY_REPLY
            message.destroy_entry_reply = builder.make(agentbroker__v1__destroy_entry_reply__init)
        case .audit(let page):
            message.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_AUDIT_QUERY_REPLY
            message.audit_query_reply = page.build(builder)
        }
    }
}
