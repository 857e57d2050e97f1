import AgentBackend
import ArgumentParser
import BrokerClient

/// Writes standard input to a file.
struct WriteCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "write",
        abstract: "Write standard input to a file of the workspace.",
        discussion: """
            The file is replaced as a whole, when all of the input is there; its directories are made. Progress is \
            shown on standard error where that is a terminal. With --json one object about the file as it is then: \
            path, type, size, mode, modified_ns, etag.

            With --if-match it is written only where the file is still the version that stat, read or write with --json \
            told the etag of. Else the exit status is 73, and the error of --json has the etag of the present version \
            as current_etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path: ByteArgument
    @Flag(help: "Add to the end of the file, in one piece.")
    var append = false
    @Flag(help: "Fail where there is a file already.")
    var create = false
    @Option(help: "Permission bits of a file that is made, in octal.")
    var mode = FileMode(bits: 0o644)
    @Option(help: ArgumentHelp("Write only where the file is of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func validate() throws {
        if append, create { throw ValidationError("--append and --create do not go together: leave one out") }
        if create, ifMatch != nil {
            throw ValidationError("--create and --if-match do not go together: a file that is there has a version")
        }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let input = try Descriptor(0)
        let bar = quiet || output.asJSON ? nil : ProgressBar(total: input.remainingBytes)
        defer { bar?.end() }
        let info = try await connection.write(
            path,
            contents: Descriptor.Contents(descriptor: input, bar: bar),
            options: WriteOptions(
                mode: append ? .append : create ? .createOnly : .replace,
                permissions: mode.bits,
                expectedEtag: ifMatch?.etag
            ),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}

/// A version of a file, as stat, read and write print it.
struct EtagArgument: ExpressibleByArgument {
    let etag: Etag

    init?(argument: String) {
        guard let etag = try? Etag(hexadecimal: argument) else { return nil }
        self.etag = etag
    }
}

/// Permission bits in octal, such as 0644.
struct FileMode: ExpressibleByArgument {
    let bits: UInt32

    init(bits: UInt32) {
        self.bits = bits
    }

    init?(argument: String) {
        // 0 is how the wire says that none were given.
        guard let bits = UInt32(argument, radix: 8), (1...0o7777).contains(bits) else { return nil }
        self.bits = bits
    }

    var defaultValueDescription: String { FileDetails.octal(bits) }
}
