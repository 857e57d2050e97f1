/// Has a server that was just started hold many of something that does nothing, and tells what memory each takes.
struct MemoryLoad: Contestant {
    let name: String
    let server: ServerStart
    let held: Held
    let count: Int
    /// Called before each start.
    var prepare: () -> Void = {}

    enum Held {
        /// After one call each.
        case connections
        /// After one call each, without a connection.
        case entries(LoadBackend)
    }

    /// So many come and go first, so that what the server makes once is not counted.
    private static let first = 256
    /// For glibc's allocator: else the number of its arenas, and with it the memory, would hang on chance.
    static let environment = ["MALLOC_ARENA_MAX": "2"]

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        prepare()
        var start = server
        start.program.environment = Self.environment
        return try start.run(interrupts) { (server) throws(LoadFailure) in
            try hold(Self.first, keys: "first", server, interrupts) {}
            let begin = Clocks.monotonic()
            let before = try Memory(server)
            let after = try hold(count, keys: "load", server, interrupts) { () throws(LoadFailure) in
                try Memory(server)
            }
            let seconds = Double(Clocks.monotonic() - begin) / 1e9
            return RunFigures(
                calls: count,
                seconds: seconds,
                callsPerSecond: Double(count) / seconds,
                residentBytesEach: Double(after.resident - before.resident) / Double(count),
                kernelBytesEach: Double(after.kernel - before.kernel) / Double(count)
            )
        }
    }

    private func hold<Result>(
        _ count: Int,
        keys name: String,
        _ server: ServerProcess,
        _ interrupts: borrowing Interrupts,
        _ body: () throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        var settings = LoadSettings(endpoint: server.endpoint, tokens: server.tokens, keys: ["load-0"])
        switch held {
        case .connections:
            settings.connections = count
            return try LoadRun(settings, interrupts: interrupts.descriptor).makeEachCallOnce(then: body)
        case .entries(let backend):
            settings.backend = backend
            settings.keys = (0..<count / server.tokens.count).map { "\(name)-\($0)" }
            try KeySet(settings).make(interrupts)
            return try body()
        }
    }

    /// In bytes.
    private struct Memory {
        let resident: Int
        let kernel: Int

        init(_ server: ServerProcess) throws(LoadFailure) {
            let memory = try ProcessMemory(pid: server.pid)
            resident = memory.resident
            // Both ends of a connection are on this host, and both are in an epoll.
            kernel = memory.pageTables + (SocketMemory.bytes() ?? 0) / 2
        }
    }
}
