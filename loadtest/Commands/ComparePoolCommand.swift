internal import ArgumentParser

struct ComparePoolCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-pool",
        abstract: "Hits of the pool in process, ours and the seed's in turn: row P7.",
        discussion: "An entry that is not the key's makes the exit status 1; a missed target does not."
    )

    @Option(help: "Path of pool-load. Default: beside this program.")
    var pool: String?

    @OptionGroup var peers: PeerOptions
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        let executable = pool ?? Sibling.path("pool-load")
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let pools = PoolComparison(pool: executable, peers: peers.pythonPeers, directory: directory)
            return try comparison.run([pools.scenario], interrupts)
        }
    }
}
