internal import ArgumentParser

struct CompareGrpcCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-grpc",
        abstract: "What an echo costs the broker, beside servers of gRPC C++ and grpc-swift-2: row P3.",
        discussion: """
            Build the peers first: loadtest/peers/grpc/build FOLDER. They are driven by h2load, of nghttp2-client, so that \
            only the servers' processor time per call can be compared. A wrong or missing answer makes the exit status \
            1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption

    @Option(help: "Folder that the peers were built into.")
    var grpc: String

    @Option(help: "Path of h2load.")
    var h2load = "/usr/bin/h2load"

    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try peer("grpc-cpp-echo", in: directory, interrupts) { (cpp) throws(LoadFailure) in
                try peer("grpc-swift-echo", in: directory, interrupts) { (swift) throws(LoadFailure) in
                    let setup = try BrokerSetup(broker.path, in: directory)
                    return try setup.start.run(interrupts) { (broker) throws(LoadFailure) in
                        let grpc = GrpcComparison(
                            broker: broker,
                            peers: [(cpp, 12), (swift, 80)],
                            h2load: h2load,
                            directory: directory
                        )
                        return try comparison.run([grpc.scenario], interrupts)
                    }
                }
            }
        }
    }

    private func peer<Result>(
        _ name: String,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try ServerStart.printingAddress("\(grpc)/\(name)", named: name, in: directory).run(interrupts, body)
    }
}
