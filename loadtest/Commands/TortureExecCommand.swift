internal import ArgumentParser

struct TortureExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture-exec",
        abstract: "100,000 commands, 64 at a time, every answer checked, and what the broker has left of them.",
        discussion: """
            Commands of many agents in several orgs, in sandboxes that they share: with output, input and every exit \
            code, that signals end, that leave processes, that cannot be started, that are timed out, cancelled, dropped \
            with their connection, or in the background, read from any offset and killed; sandboxes come and go. Then \
            the broker has to have no process, and as many descriptors, mounts, cgroups and temporary files as after the \
            warm-up, and hardly more memory. Run it as root, so that the broker works as the orgs' users. A wrong \
            answer, or anything left, makes the exit status 1.
            """
    )

    @OptionGroup var options: TortureOptions

    func run() throws {
        try options.run(ExecAgent.self, calls: 100_000)
    }
}
