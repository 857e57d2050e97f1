/// All series of one name, at one moment.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package struct Label: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package enum Value: Sendable, Equatable {
        case number(Double)
        case histogram(HistogramValue)
    }

    package struct Series: Sendable, Equatable {
        package let labels: [Label]
        package let value: Value
    }

    package let name: String
    /// One line for whoever reads it.
    package let help: String
    package let kind: Kind
    package private(set) var series: [Series] = []

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    /// - Parameter labels: Not the same as of another series of the family.
    package mutating func add(_ value: Double, _ labels: [Label] = []) {
        series.append(Series(labels: labels, value: .number(value)))
    }

    package mutating func add(_ value: HistogramValue, _ labels: [Label] = []) {
        series.append(Series(labels: labels, value: .histogram(value)))
    }
}

/// What was observed, by how many values were at most as large as each bound.
package struct HistogramValue: Sendable, Equatable {
    package struct Bucket: Sendable, Equatable {
        package let bound: Double
        /// With those of all lower bounds.
        package let count: UInt64

        package init(bound: Double, count: UInt64) {
            self.bound = bound
            self.count = count
        }
    }

    /// By their bounds, without the last one, which has all.
    package let buckets: [Bucket]
    package let count: UInt64
    package let sum: Double

    package init(buckets: [Bucket], count: UInt64, sum: Double) {
        self.buckets = buckets
        self.count = count
        self.sum = sum
    }
}
