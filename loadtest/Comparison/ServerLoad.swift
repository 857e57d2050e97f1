/// The load generator against a server that is running.
struct ServerLoad: Contestant {
    let name: String
    let server: ServerProcess
    /// Of the load; time and server are filled in.
    let settings: LoadSettings

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        var settings = settings
        settings.duration = time.duration
        settings.warmup = time.warmup
        settings.server = ServerProcessor(pids: [server.pid])
        let report = try Niceness.ofServer(server.pid) { () throws(LoadFailure) in
            try LoadRun(settings, interrupts: interrupts.descriptor).run()
        }
        if let fault = report.fault { throw .failedCalls("\(name): \(fault)") }
        if settings.background?.isBusy == true, report.backgroundCallsPerSecond == 0 {
            throw .failedCalls("\(name): none of the other calls was answered as it should be")
        }
        if settings.operation == .write { try FileSet(settings).check(interrupts: interrupts.descriptor) }
        return RunFigures(report)
    }
}

extension ServerProcess {
    /// Calls of two keys of each org.
    func settings(_ operation: LoadOperation, connections: Int, depth: Int) -> LoadSettings {
        var settings = LoadSettings(endpoint: endpoint, tokens: tokens, keys: ["load-0", "load-1"])
        settings.operation = operation
        settings.connections = connections
        settings.depth = depth
        return settings
    }
}
