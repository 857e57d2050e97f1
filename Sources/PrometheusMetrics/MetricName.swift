/// Names as Prometheus takes them.
enum MetricName {
    /// Of a metric, with a suffix that says what it is.
    static func metric(_ label: String, suffix: String) -> String {
        let name = name(label, extra: ":")
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// Sorted; one that is given twice counts as it was given last.
    static func labels(_ dimensions: [(String, String)]) -> [MetricFamily.Label] {
        Dictionary(dimensions.map { (name($0.0, extra: ""), $0.1) }) { $1 }.sorted { $0.key < $1.key }
            .map { MetricFamily.Label($0.key, $0.value) }
    }

    private static func name(_ text: String, extra: String) -> String {
        let name = String(
            text.unicodeScalars.map { scalar in
                let isAllowed =
                    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                    || scalar == "_" || extra.unicodeScalars.contains(scalar)
                return isAllowed ? Character(scalar) : "_"
            }
        )
        guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return "_" + name }
        return name
    }
}
