/// A program that runs a load by itself, checks every answer, and prints ``RunFigures`` as JSON.
struct ProgramLoad: Contestant {
    let name: String
    let executable: String
    /// Besides those for the time.
    let arguments: [String]
    /// For the files of its output.
    let directory: String

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let all = arguments + time.arguments
        let start = ProgramStart(executable: executable, arguments: all, name: name, directory: directory)
        let output = try ChildProcess.run(start) { (child) throws(LoadFailure) in
            try child.wholeOutput(within: time.warmup + time.duration + Self.patience, interrupts)
        }
        return try ChildProcess.decode(output, from: name)
    }

    /// For its start, what it prepares, and its end.
    private static let patience = Duration.seconds(60)
}

extension RunTime {
    /// In seconds, as the programs take them.
    fileprivate var arguments: [String] {
        ["--warmup", "\(warmup / .seconds(1))", "--duration", "\(duration / .seconds(1))"]
    }
}
