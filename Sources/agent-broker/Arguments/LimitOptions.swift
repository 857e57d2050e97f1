import AgentBackend
import ArgumentParser
import BrokerServer

/// What a command may use, below what its org may.
struct LimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("End it once it used so much processor time, with all it started.", valueName: "time"))
    var maxCpuTime: TimeArgument?
    @Option(help: ArgumentHelp("Kill what uses more memory, such as 512MiB.", valueName: "size"))
    var maxMemory: SizeArgument?
    @Option(help: ArgumentHelp("Processes and threads that it may have.", valueName: "count"))
    var maxProcesses: Int?
    @Option(help: ArgumentHelp("Files that each process may have open.", valueName: "count"))
    var maxOpenFiles: Int?
    @Option(help: ArgumentHelp("Longest file that it may write.", valueName: "size"))
    var maxFileSize: SizeArgument?
    @Option(help: ArgumentHelp("End it once it wrote more to its output and error.", valueName: "size"))
    var maxOutput: SizeArgument?
    @Option(name: .customLong("network"), help: "What it sees of the network.")
    var networkArgument = NetworkArgument.none

    var network: CommandNetwork {
        switch networkArgument {
        case .none: .none
        case .host: .host
        }
    }

    var limits: ExecLimits {
        ExecLimits(
            cpuTime: maxCpuTime?.duration,
            memoryBytes: maxMemory?.bytes,
            processes: maxProcesses,
            openFiles: maxOpenFiles,
            fileBytes: maxFileSize?.bytes,
            outputBytes: maxOutput?.bytes
        )
    }

    func validate() throws {
        for (name, count) in [("processes", maxProcesses), ("open-files", maxOpenFiles)] {
            guard let count, count <= 0 else { continue }
            throw ValidationError("--max-\(name) is \(count): give 1 or more, or leave it out")
        }
    }
}

/// A size such as 4096, 64KiB or 2GiB.
struct SizeArgument: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        guard let bytes = try? Quantity.bytes(argument), bytes > 0 else { return nil }
        self.bytes = UInt64(bytes)
    }
}

/// As on the command line.
enum NetworkArgument: String, ExpressibleByArgument, CaseIterable {
    case none, host
}
