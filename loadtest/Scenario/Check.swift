/// What a run has to show to be good, besides right answers.
struct Check: Equatable {
    /// Of a stage.
    enum Figure: String, Codable, CaseIterable {
        case p50, p99
        case p999 = "p99.9"
        case rate
        /// Resident memory of the broker at the end, by that at the first tenth.
        case memoryGrowth = "memory_growth"
        /// p99 of the last third of the stage, by that of its first third.
        case p99Growth = "p99_growth"
    }

    var figure: Figure
    /// Name of the stage.
    var of: String
    /// Name of another, which the figure is divided by.
    var by: String?
    var atMost: Double?
    var atLeast: Double?

    func isMet(by value: Double) -> Bool {
        atMost.map { value <= $0 } ?? true && atLeast.map { value >= $0 } ?? true
    }

    /// In one line.
    var text: String {
        let bounds = [atMost.map { "<= \($0.text(2))" }, atLeast.map { ">= \($0.text(2))" }].compactMap { $0 }
        return "\(figure.rawValue) of \(of)\(by.map { " by that of \($0)" } ?? "") \(bounds.joined(separator: " and "))"
    }
}

extension Check: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case figure, of, by
        case atMost = "at_most"
        case atLeast = "at_least"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        figure = try container.decode(Figure.self, forKey: .figure)
        of = try container.decode(String.self, forKey: .of)
        by = try container.decodeIfPresent(String.self, forKey: .by)
        atMost = try container.decodeIfPresent(Double.self, forKey: .atMost)
        atLeast = try container.decodeIfPresent(Double.self, forKey: .atLeast)
    }
}
