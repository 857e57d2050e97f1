internal import AgentBackend
internal import BrokerClient
internal import NIOCore

/// Calls that come to another end than their own.
extension MixedAgent {
    /// A call that its caller gives up.
    mutating func cancelled() async throws -> Int {
        let connection = try await connected()
        let (key, file) = (choice(Self.keys), choice(Self.filesOfKey))
        let (target, path, turns) = (target(key), try path(file), choice(40))
        if choice(3) == 0 {
            try await cancel(after: turns) {
                let line = Array("sleep 600 & sleep 600".utf8)
                _ = try await connection.run(ExecRequest(.shellLine(line)), on: target)
            }
        } else {
            let version = newVersion()
            let bytes = contents(key, file).bytes(version)
            files[key][file].mayBe(version)
            let isDone = try await cancel(after: turns) {
                _ = try await connection.write(path, bytes, on: target)
            }
            if isDone { files[key][file].isNow(version) }
            try await read(key, file)
            return 2
        }
        return 1
    }

    /// Calls that their deadlines end.
    mutating func late() async throws -> Int {
        let (connection, target) = (try await connected(), target(choice(Self.keys)))
        let line = Array("trap '' TERM; sleep 600".utf8)
        if choice(2) == 0 {
            let options = BrokerCallOptions(deadline: .milliseconds(20 + choice(80)))
            try await expect(.deadlineExceeded, "a command beyond its call's deadline") {
                _ = try await connection.run(ExecRequest(.shellLine(line)), on: target, call: options)
            }
        } else {
            let timeout = Duration.milliseconds(100 + choice(100))
            let result = try await connection.run(ExecRequest(.shellLine(line), timeout: timeout), on: target)
            if case .timedOut = result.end.outcome { return 1 }
            throw TortureFailure("a command beyond its timeout ended with \(result.end)")
        }
        return 1
    }

    /// A connection that is lost with calls under way. What it wrote may come to be, even after a later connection has
    /// looked: the file is no other call's.
    mutating func dropped() async throws -> Int {
        let connection = try await connected()
        let (target, path, turns) = (target(0), try WorkspacePath("dropped"), choice(40))
        let contents = MixedContents(subject: "\(number)/dropped")
        let bytes = contents.bytes(newVersion())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try? await connection.run(ExecRequest(.shellLine(Array("sleep 600".utf8))), on: target)
            }
            group.addTask { _ = try? await connection.acquire(target) }
            group.addTask { _ = try? await connection.write(path, bytes, on: target) }
            for _ in 0..<turns { await Task.yield() }
            await connection.close()
        }
        await disconnect()
        do {
            let found = try await connected().read(path, on: target)
            try check(contents.match(found, upTo: lastVersion), "a file of lost connections holds what none wrote")
        } catch let error as BackendError where error.code == .readFailed && error.reason == .notFound {
            // None was written yet.
        }
        return 1
    }

    /// Somebody who breaks off in the middle of a frame.
    mutating func torn() async throws -> Int {
        guard case .tcp(let host, let port) = address, let endpoint = Endpoint("\(host):\(port)") else { return 0 }
        let socket = try StreamSocket(to: endpoint, patience: .seconds(10))
        var bytes = ByteBuffer(bytes: ClientFrames.hello(token: tokens.agent))
        let call = CallTemplate(.echo, on: .init(backend: .memory, key: "agent-\(number)"), length: 200)
        call.append(id: 1, connection: 0, to: &bytes)
        call.append(id: 2, connection: 0, to: &bytes)
        var part = bytes.getSlice(at: 0, length: 1 + choice(bytes.readableBytes - 1)) ?? bytes
        _ = try socket.send(&part)
        return 1
    }
}
