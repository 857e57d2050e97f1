internal import ArgumentParser

struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Echo calls in a closed loop: rate, latency and processor time.",
        discussion: "Every answer is checked. A wrong, failed or missing one makes the exit status 1."
    )

    @OptionGroup var load: LoadOptions

    @Option(help: "Where the keys live.")
    var backend: LoadBackend = .memory

    @Option(help: "Payload of a call, in bytes.")
    var payload = 25

    func run() throws {
        var settings = try load.settings(.echo)
        settings.backend = backend
        settings.payload = payload
        try load.run(settings)
    }
}
