internal import AgentBackend
internal import CBrokerProtos
package import NIOCore

/// Packs what a client sends. Owns the memory for it; one per connection, used by one thread at a time.
package struct ClientFrameEncoder: ~Copyable {
    private let arena = WireArena()

    package init() {}

    /// Appends the frame. Returns its payload where that is to be written next, by reference.
    package func encode(_ frame: ClientFrame, into out: inout ByteBuffer) -> ByteBuffer? {
        arena.reset(budget: .max)
        defer { arena.empty() }
        let message = frame.build(MessageBuilder(allocator: arena.allocator))
        FrameViews.client.narrow(&message.pointee.base, toBody: message.pointee.body_case.rawValue)
        return MessageCodec.encode(&message.pointee.base, payload: frame.payload, into: &out)
    }
}

extension ClientFrame {
    fileprivate func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ClientFrame> {
        let message = builder.make(agentbroker__v1__client_frame__init)
        message.pointee.id = id
        message.pointee.target = target?.build(builder)
        message.pointee.last = last ? 1 : 0
        message.pointee.lane = options.lane
        message.pointee.deadline_ms = UInt32(clamping: options.deadline?.inMilliseconds ?? 0)
        message.pointee.queue_deadline_ms = UInt32(clamping: options.queueDeadline?.inMilliseconds ?? 0)
        if let special = options.special {
            message.pointee.n_requires = special.requires.count
            message.pointee.requires = builder.array(special.requires) { Agentbroker__V1__Feature(rawValue: $0) }
            message.pointee.traceparent = builder.string(special.traceparent)
            message.pointee.idempotency_key = builder.string(special.idempotencyKey)
        }
        body.build(builder, into: &message.pointee)
        return message
    }
}

extension ClientFrame.Body {
    fileprivate func build(_ builder: MessageBuilder, into message: inout Agentbroker__V1__ClientFrame) {
        switch self {
        case .call(let operation):
            operation.build(builder, into: &message)
        case .chunk:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CHUNK
            message.chunk = builder.make(agentbroker__v1__chunk__init)
        case .window(let stream, let bytes):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_WINDOW
            message.window = builder.make(agentbroker__v1__window__init)
            message.window.pointee.stream = stream
            message.window.pointee.bytes = bytes
        case .cancel(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CANCEL
            message.cancel = builder.make(agentbroker__v1__cancel__init)
            message.cancel.pointee.call = call
        case .ping(let nonce):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_PING
            message.ping = builder.make(agentbroker__v1__ping__init)
            message.ping.pointee.nonce = nonce
        case .pong(let nonce):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_PONG
            message.pong = builder.make(agentbroker__v1__pong__init)
            message.pong.pointee.nonce = nonce
        case .hello(let hello):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_HELLO
            message.hello = hello.build(builder)
        case .goAway(let goAway):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_GO_AWAY
            message.go_away = goAway.build(builder)
        case .unknown:
            break
        }
    }
}

extension Operation {
    fileprivate func build(_ builder: MessageBuilder, into message: inout Agentbroker__V1__ClientFrame) {
        switch self {
        case .echo:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_ECHO
            message.echo = builder.make(agentbroker__v1__echo__init)
        case .acquire(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_ACQUIRE
            message.acquire = call.build(builder)
        case .release(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_RELEASE
            message.release = call.build(builder)
        case .describe:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DESCRIBE
            message.describe = builder.make(agentbroker__v1__describe__init)
        case .read(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_READ
            message.read = call.build(builder)
        case .write(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_WRITE
            message.write = call.build(builder)
        case .readdir(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_READDIR
            message.readdir = call.build(builder)
        case .stat(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_STAT
            message.stat = call.build(builder)
        case .rm(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_RM
            message.rm = call.build(builder)
        case .exists(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXISTS
            message.exists = call.build(builder)
        case .mkdir(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_MKDIR
            message.mkdir = call.build(builder)
        case .touch(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_TOUCH
            message.touch = call.build(builder)
        case .rename(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_RENAME
            message.rename = call.build(builder)
        case .copy(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_COPY
            message.copy = call.build(builder)
        case .glob(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_GLOB
            message.glob = call.build(builder)
        case .grep(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_GREP
            message.grep = call.build(builder)
        case .edit(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EDIT
            message.edit = call.build(builder)
        case .readLines(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_READ_LINES
            message.read_lines = call.build(builder)
        case .statMany(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_STAT_MANY
            message.stat_many = call.build(builder)
        case .readMany(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_READ_MANY
            message.read_many = call.build(builder)
        case .chmod(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CHMOD
            message.chmod = call.build(builder)
        case .symlink(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_SYMLINK
            message.symlink = call.build(builder)
        case .tree(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_TREE
            message.tree = call.build(builder)
        case .diskUsage(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DISK_USAGE
            message.disk_usage = call.build(builder)
        case .archive(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_ARCHIVE
            message.archive = call.build(builder)
        case .extract(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXTRACT
            message.extract = call.build(builder)
        case .watch(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_WATCH
            message.watch = call.build(builder)
        case .uploadBegin(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_BEGIN
            message.upload_begin = call.build(builder)
        case .uploadAppend(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_APPEND
            message.upload_append = call.build(builder)
        case .uploadFinish(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_FINISH
            message.upload_finish = call.build(builder)
        case .uploadAbort(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_ABORT
            message.upload_abort = call.build(builder)
        case .checksum(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CHECKSUM
            message.checksum = call.build(builder)
        case .listKeys(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_KEYS
            message.list_keys = call.build(builder)
        case .deleteKey(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DELETE_KEY
            message.delete_key = call.build(builder)
        case .clearKeys:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CLEAR_KEYS
            message.clear_keys = builder.make(agentbroker__v1__clear_keys__init)
        case .execStart(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_START
            message.exec_start = call.build(builder)
        case .execList(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_LIST
            message.exec_list = call.build(builder)
        case .execAttach(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_ATTACH
            message.exec_attach = call.build(builder)
        case .execWait(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_WAIT
            message.exec_wait = call.build(builder)
        case .execSignal(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_SIGNAL
            message.exec_signal = call.build(builder)
        case .execResize(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_RESIZE
            message.exec_resize = call.build(builder)
        case .listWorkspaces(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_WORKSPACES
            message.list_workspaces = call.build(builder)
        case .deleteWorkspace(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DELETE_WORKSPACE
            message.delete_workspace = call.build(builder)
        case .stats(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_STATS
            message.stats = call.build(builder)
        case .connections(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_CONNECTIONS
            message.connections = call.build(builder)
        case .pools(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_POOLS
            message.pools = call.build(builder)
        case .logs(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_LOGS
            message.logs = call.build(builder)
        case .reload:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_RELOAD
            message.reload = builder.make(agentbroker__v1__reload__init)
        case .drain:
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DRAIN
            message.drain = builder.make(agentbroker__v1__drain__init)
        case .listEntries(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_ENTRIES
            message.list_entries = call.build(builder)
        case .listCommands(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_COMMANDS
            message.list_commands = call.build(builder)
        case .killCommand(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_KILL_COMMAND
            message.kill_command = call.build(builder)
        case .destroyEntry(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_DESTROY_ENTRY
            message.destroy_entry = call.build(builder)
        case .audit(let call):
            message.body_case = AGENTBROKER__V1__CLIENT_FRAME__BODY_AUDIT_QUERY
            message.audit_query = call.build(builder)
        }
    }
}
