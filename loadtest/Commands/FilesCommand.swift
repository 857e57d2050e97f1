internal import ArgumentParser

struct FilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files",
        abstract: "Calls on files in a closed loop: rate, latency and processor time.",
        discussion: """
            Writes the files load/0 and on beneath the keys first. Every answer is checked, and after writes every \
            file. A wrong, failed or missing answer makes the exit status 1.
            """
    )

    @Argument(help: "read, write or stat.")
    var operation: LoadOperation

    @OptionGroup var load: LoadOptions

    @Option(help: "Where the keys live.")
    var backend: LoadBackend = .local

    @Option(help: "Files of each org. They serve the calls in turn.")
    var files = 64

    @Option(help: "Bytes of a file.")
    var size = 4096

    func validate() throws {
        guard operation.isOnFile else { throw ValidationError("read, write or stat; for echo there is a command") }
    }

    func run() throws {
        var settings = try load.settings(operation)
        settings.backend = backend
        settings.files = files
        settings.payload = size
        let set = FileSet(settings)
        try set.write()
        try load.run(settings)
        if operation == .write { try set.check() }
    }
}

extension LoadOperation: ExpressibleByArgument {}
