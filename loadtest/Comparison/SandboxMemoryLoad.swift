/// Has a broker that was just started run a command in each of many entries, and tells what memory each entry takes then,
/// with its warm sandbox: of all processes together, and of the kernel.
struct SandboxMemoryLoad: Contestant {
    let name: String
    let server: ServerStart
    let count: Int
    /// Called before each start.
    let prepare: () -> Void

    /// So many come first, so that what the broker makes once is not counted.
    private static let first = 16

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        prepare()
        return try MemoryGroup.run { (group) throws(LoadFailure) in
            var start = server
            start.program = group.holding(start.program)
            start.program.environment = MemoryLoad.environment
            return try start.run(interrupts) { (server) throws(LoadFailure) in
                try run(Self.first, keys: "first", server, interrupts)
                let begin = Clocks.monotonic()
                let before = try group.usage()
                try run(count, keys: "load", server, interrupts)
                let after = try group.usage()
                let seconds = Double(Clocks.monotonic() - begin) / 1e9
                return RunFigures(
                    calls: count,
                    seconds: seconds,
                    callsPerSecond: Double(count) / seconds,
                    residentBytesEach: Double(after.processes - before.processes) / Double(count),
                    kernelBytesEach: Double(after.kernel - before.kernel) / Double(count)
                )
            }
        }
    }

    private func run(
        _ count: Int,
        keys name: String,
        _ server: ServerProcess,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) {
        var settings = LoadSettings(endpoint: server.endpoint, tokens: server.tokens, keys: [])
        settings.operation = .exec
        settings.backend = .local
        settings.command = .hello
        settings.keys = (0..<count / server.tokens.count).map { "\(name)-\($0)" }
        try KeySet(settings).make(interrupts)
    }
}
