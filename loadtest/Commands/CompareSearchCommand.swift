internal import ArgumentParser

struct CompareSearchCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-search",
        abstract: "grep and glob of a tree of files, beside ripgrep, find and deepagents in turn: row P15.",
        discussion: """
            The same tree, on the broker's root. The broker is called by its Swift client; the programs are started for \
            each search. A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption

    @Option(help: "Path of ripgrep.")
    var ripgrep = "/usr/bin/rg"

    @Option(help: "Path of find.")
    var find = "/usr/bin/find"

    @Option(help: "Python with deepagents, as of compare-files. Default: without deepagents.")
    var python: String?

    @Option(help: "Folder of the program that drives it.")
    var peers = "loadtest/peers"

    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let setup = try BrokerSetup(broker.path, in: directory)
            return try setup.start.run(interrupts) { (server) throws(LoadFailure) in
                let search = SearchComparison(
                    broker: server,
                    root: setup.root,
                    ripgrep: ripgrep,
                    find: find,
                    peers: python.map { PythonPeers(python: $0, drivers: peers) },
                    directory: directory
                )
                try search.prepare()
                return try comparison.run(search.scenarios, interrupts)
            }
        }
    }
}
