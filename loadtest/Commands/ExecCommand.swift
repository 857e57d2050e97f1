internal import ArgumentParser

struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Commands in a closed loop: rate, latency and processor time.",
        discussion: "Every output and end is checked. A wrong, failed or missing answer makes the exit status 1."
    )

    @OptionGroup var load: LoadOptions

    @Option(help: "Shell line, which has to exit with 0.")
    var command = LoadCommand.hello.shellLine

    @Option(help: "All that it writes.")
    var output = LoadCommand.hello.output

    func run() throws {
        var settings = try load.settings(.exec)
        settings.backend = .local
        settings.command = LoadCommand(command, output: output)
        try load.run(settings)
    }
}
