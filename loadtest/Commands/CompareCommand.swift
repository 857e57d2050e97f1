internal import ArgumentParser

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Runs of a scenario beside other runs of it, with confidence intervals.",
        discussion: """
            A and B are what `loadtest run --out` has written as report.json; with --repeat, runs that were repeated. \
            Intervals hold the ratio of the medians in 95 of 100 sets that are drawn anew from the runs (bootstrap). \
            Exit status 0, whatever they show.
            """
    )

    @Argument(help: "Report of the runs that are the measure.")
    var a: String

    @Argument(help: "Report of those that are compared.")
    var b: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let comparison = try RunComparison(try RunSet(path: a), try RunSet(path: b))
        print(json ? try comparison.json() : comparison.text)
    }
}
