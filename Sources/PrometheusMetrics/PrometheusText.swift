/// The text format that Prometheus scrapes, in its version 0.0.4.
package enum PrometheusText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Families without a series are left out.
    package static func render(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families where !family.series.isEmpty {
            text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for series in family.series { append(series, of: family.name, to: &text) }
        }
        return text
    }

    private static func append(_ series: MetricFamily.Series, of name: String, to text: inout String) {
        let labels = series.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
        switch series.value {
        case .number(let value):
            text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(number(value))\n"
        case .histogram(let histogram):
            let lead = labels.isEmpty ? "" : "\(labels),"
            for bucket in histogram.buckets {
                text += "\(name)_bucket{\(lead)le=\"\(number(bucket.bound))\"} \(bucket.count)\n"
            }
            text += "\(name)_bucket{\(lead)le=\"+Inf\"} \(histogram.count)\n"
            let set = labels.isEmpty ? "" : "{\(labels)}"
            text += "\(name)_sum\(set) \(number(histogram.sum))\n"
            text += "\(name)_count\(set) \(histogram.count)\n"
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
