internal import ArgumentParser

struct TortureMixedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture-mixed",
        abstract: "A million calls of all kinds, every answer checked, and what the broker has left of them.",
        discussion: """
            Echo, files, memory, leases and commands of many agents in several orgs, with calls that are cancelled or \
            late, connections that are dropped, and wrong tokens. Then the broker has to have as many descriptors, \
            processes, mounts, cgroups and temporary files as after the warm-up, and hardly more memory. Run it as \
            root, so that the broker works as the orgs' users. A wrong answer, or anything left, makes the exit status 1.
            """
    )

    @OptionGroup var options: TortureOptions

    func run() throws {
        try options.run(MixedAgent.self, calls: 1_000_000)
    }
}
