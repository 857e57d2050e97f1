internal import FoundationEssentials

/// Runs of one scenario, one after the other: what a report is made of.
struct RunSet: Codable {
    var runs: [RunReport]

    /// Writes all runs as `report.json`, and the last one as `report.html` and the distributions of its stages, into a
    /// folder, which is made.
    func write(to folder: String) throws(LoadFailure) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(json().utf8).write(to: URL(filePath: "\(folder)/report.json"))
            guard let last = runs.last else { return }
            try Data(HTMLReport(report: last).text.utf8).write(to: URL(filePath: "\(folder)/report.html"))
            for stage in last.stages where stage.isMeasured && stage.answered > 0 {
                let name = stage.name.map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined()
                try Data(stage.latencies.percentileText().utf8).write(to: URL(filePath: "\(folder)/\(name).hgrm"))
            }
        } catch {
            throw .child("cannot write into \(folder): \(error)")
        }
    }

    /// Reads what ``write(to:)`` has written.
    init(path: String) throws(LoadFailure) {
        do {
            self = try JSONDecoder().decode(RunSet.self, from: Data(contentsOf: URL(filePath: path)))
        } catch {
            throw .settings("\(path) is no report of `loadtest run`: \(error)")
        }
    }

    init(runs: [RunReport]) { self.runs = runs }
}
