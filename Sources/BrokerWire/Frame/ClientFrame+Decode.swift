internal import AgentBackend
internal import CBrokerProtos
package import NIOCore

/// Unpacks what clients send. Owns the memory for it, which lasts for one frame; one per event loop, used there.
package struct ClientFrameDecoder: ~Copyable {
    private let arena = WireArena()
    private let maximumHeadLength: Int

    package init(maximumHeadLength: Int = FrameHeader.defaultMaximumHeadLength) {
        self.maximumHeadLength = maximumHeadLength
    }

    package func decode(_ message: ByteBuffer) throws(FrameFault) -> ClientFrame {
        try MessageCodec.decode(message, maximumHeadLength: maximumHeadLength, arena: arena) {
            head,
            payload throws(BackendError) in
            guard let frame = FrameViews.client.unpack(head, as: Agentbroker__V1__ClientFrame.self) else {
                throw MessageCodec.malformed
            }
            return try ClientFrame.of(frame.pointee, payload: payload)
        }
    }
}

extension ClientFrame {
    /// Not an initializer: one that may throw makes its value apart, and copies it in the end.
    fileprivate static func of(
        _ message: Agentbroker__V1__ClientFrame,
        payload: ByteBuffer
    ) throws(BackendError) -> ClientFrame {
        var target: Target?
        if let message = message.target { target = try Target(message.pointee) }
        let options = try CallOptions(message)
        let body = try Body(message)
        return ClientFrame(
            id: message.id,
            target: target,
            last: message.last != 0,
            options: options,
            body: body,
            payload: payload
        )
    }
}

extension CallOptions {
    fileprivate init(_ message: Agentbroker__V1__ClientFrame) throws(BackendError) {
        lane = message.lane
        let traceparent = try MessageReader.string(message.traceparent, "traceparent")
        let idempotencyKey = try MessageReader.string(message.idempotency_key, "idempotency_key")
        let isPlain = message.deadline_ms == 0 && message.queue_deadline_ms == 0 && message.n_requires == 0
        if isPlain, traceparent.isEmpty, idempotencyKey.isEmpty { return }
        special = Special(
            deadline: message.deadline_ms == 0 ? nil : .milliseconds(message.deadline_ms),
            queueDeadline: message.queue_deadline_ms == 0 ? nil : .milliseconds(message.queue_deadline_ms),
            requires: try MessageReader.array(message.requires, count: message.n_requires) { $0.rawValue },
            traceparent: traceparent,
            idempotencyKey: idempotencyKey
        )
    }
}

extension ClientFrame.Body {
    fileprivate init(_ message: Agentbroker__V1__ClientFrame) throws(BackendError) {
        switch message.body_case {
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_ECHO: self = .call(.echo)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_ACQUIRE: self = .call(.acquire(try Acquire(message.acquire.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_RELEASE: self = .call(.release(Release(message.release.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DESCRIBE: self = .call(.describe)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_READ: self = .call(.read(Read(message.read.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_WRITE: self = .call(.write(try Write(message.write.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_READDIR: self = .call(.readdir(Readdir(message.readdir.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_STAT: self = .call(.stat(Stat(message.stat.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_RM: self = .call(.rm(try Rm(message.rm.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXISTS: self = .call(.exists(Exists(message.exists.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_MKDIR: self = .call(.mkdir(Mkdir(message.mkdir.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_TOUCH: self = .call(.touch(Touch(message.touch.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_RENAME: self = .call(.rename(try Rename(message.rename.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_COPY: self = .call(.copy(try Copy(message.copy.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_GLOB:
            self = .call(.glob(Glob(message.glob.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_GREP:
            self = .call(.grep(try Grep(message.grep.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EDIT:
            self = .call(.edit(try Edit(message.edit.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_READ_LINES:
            self = .call(.readLines(ReadLines(message.read_lines.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_STAT_MANY:
            self = .call(.statMany(try StatMany(message.stat_many.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_READ_MANY:
            self = .call(.readMany(try ReadMany(message.read_many.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CHMOD:
            self = .call(.chmod(Chmod(message.chmod.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_SYMLINK:
            self = .call(.symlink(Symlink(message.symlink.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_TREE:
            self = .call(.tree(try Tree(message.tree.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DISK_USAGE:
            self = .call(.diskUsage(MeasureUsage(message.disk_usage.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_ARCHIVE:
            self = .call(.archive(try Archive(message.archive.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXTRACT:
            self = .call(.extract(Extract(message.extract.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_WATCH:
            self = .call(.watch(try WatchFiles(message.watch.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_BEGIN:
            self = .call(.uploadBegin(try UploadBegin(message.upload_begin.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_APPEND:
            self = .call(.uploadAppend(try UploadAppend(message.upload_append.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_FINISH:
            self = .call(.uploadFinish(try UploadFinish(message.upload_finish.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_UPLOAD_ABORT:
            self = .call(.uploadAbort(try UploadAbort(message.upload_abort.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CHECKSUM:
            self = .call(.checksum(Checksum(message.checksum.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_KEYS:
            self = .call(.listKeys(ListKeys(message.list_keys.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DELETE_KEY:
            self = .call(.deleteKey(DeleteKey(message.delete_key.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CLEAR_KEYS: self = .call(.clearKeys)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_START:
            self = .call(.execStart(try ExecStart(message.exec_start.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_LIST:
            self = .call(.execList(ExecList(message.exec_list.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_ATTACH:
            self = .call(.execAttach(try ExecAttach(message.exec_attach.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_WAIT:
            self = .call(.execWait(ExecWait(message.exec_wait.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_SIGNAL:
            self = .call(.execSignal(ExecSignal(message.exec_signal.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_EXEC_RESIZE:
            self = .call(.execResize(try ExecResize(message.exec_resize.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_WORKSPACES:
            self = .call(.listWorkspaces(try ListWorkspaces(message.list_workspaces.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DELETE_WORKSPACE:
            self = .call(.deleteWorkspace(try DeleteWorkspace(message.delete_workspace.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_STATS: self = .call(.stats(try Stats(message.stats.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CONNECTIONS:
            self = .call(.connections(try ListConnections(message.connections.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_POOLS: self = .call(.pools(try ListPools(message.pools.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_LOGS: self = .call(.logs(try FollowLogs(message.logs.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_RELOAD: self = .call(.reload)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DRAIN: self = .call(.drain)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_ENTRIES:
            self = .call(.listEntries(try ListEntries(message.list_entries.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_LIST_COMMANDS:
            self = .call(.listCommands(try ListCommands(message.list_commands.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_KILL_COMMAND:
            self = .call(.killCommand(try KillCommand(message.kill_command.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_DESTROY_ENTRY:
            self = .call(.destroyEntry(try DestroyEntry(message.destroy_entry.pointee)))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_AUDIT_QUERY:
            self = .call(.audit(try QueryAudit(message.audit_query.pointee)))

        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CHUNK: self = .chunk
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_WINDOW:
            self = .window(stream: message.window.pointee.stream, bytes: message.window.pointee.bytes)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_CANCEL: self = .cancel(call: message.cancel.pointee.call)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_PING: self = .ping(nonce: message.ping.pointee.nonce)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_PONG: self = .pong(nonce: message.pong.pointee.nonce)
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_HELLO: self = .hello(try Hello(message.hello.pointee))
        case AGENTBROKER__V1__CLIENT_FRAME__BODY_GO_AWAY: self = .goAway(try GoAway(message.go_away.pointee))
        default: self = .unknown
        }
    }
}
