import AgentBackend
import ArgumentParser
import BrokerClient

/// Counts what is in a directory.
struct DiskUsageCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "du",
        abstract: "Count the files in a directory of the workspace, and their bytes.",
        discussion: """
            ALLOCATED BYTES FILES DIRECTORIES PATH: what it takes on the disk, what files hold, how many there are. \
            With --json one object: path, files, directories, bytes, allocated_bytes, skipped.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path = ByteArgument(argument: "/workspace")

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let target = try client.target()
        var usage = try await connection.diskUsage(path, on: target)
        while let next = usage.next {
            usage.add(try await connection.diskUsage(path, options: DiskUsageOptions(after: next), on: target))
        }
        if output.asJSON {
            var line = JSONLine()
            line.add("path", "\(path)")
            line.add("files", usage.files)
            line.add("directories", usage.directories)
            line.add("bytes", usage.bytes)
            line.add("allocated_bytes", usage.allocatedBytes)
            line.add("skipped", usage.skipped)
            try await output.print(line)
        } else {
            let numbers = [usage.allocatedBytes, usage.bytes, usage.files, usage.directories].map(String.init)
            try await output.print(numbers.joined(separator: " ") + " \(path)")
        }
        return try await output.conclude(skipped: usage.skipped)
    }
}
