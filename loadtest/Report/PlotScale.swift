internal import Glibc

/// How values of one axis become places on it, and where its marks are.
struct PlotScale: Equatable {
    enum Kind { case linear, logarithmic }

    let kind: Kind
    /// Values at the two ends.
    let low: Double
    let high: Double
    let ticks: [Double]

    /// Holds all `values`. A linear one begins at 0; a logarithmic one leaves out what is not positive.
    init(_ kind: Kind, holding values: [Double]) {
        self.kind = kind
        switch kind {
        case .linear:
            let most = max(values.max() ?? 1, 1e-9)
            let step = Self.step(most / 5)
            low = 0
            high = (most / step).rounded(.up) * step
            ticks = stride(from: 0, through: high + step / 2, by: step).map { $0 }
        case .logarithmic:
            let positive = values.filter { $0 > 0 }
            let first = log10(positive.min() ?? 1).rounded(.down)
            let last = max(log10(positive.max() ?? 10).rounded(.up), first + 1)
            low = pow(10, first)
            high = pow(10, last)
            ticks = stride(from: first, through: last, by: max(((last - first) / 8).rounded(.up), 1)).map {
                pow(10, $0)
            }
        }
    }

    /// 0 at the low end, 1 at the high one.
    func place(_ value: Double) -> Double {
        switch kind {
        case .linear: (value - low) / (high - low)
        case .logarithmic: log10(max(value, low) / low) / log10(high / low)
        }
    }

    /// 1, 2 or 5 times a power of ten, not below `least`.
    private static func step(_ least: Double) -> Double {
        let power = pow(10, log10(least).rounded(.down))
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * 0.999 } ?? 10 * power
    }

    /// With no more digits than it needs.
    static func label(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case 1_000_000...: "\(trimmed(value / 1_000_000))M"
        case 10_000...: "\(trimmed(value / 1000))k"
        case 1...: trimmed(value)
        default: trimmed(value, digits: 4)
        }
    }

    private static func trimmed(_ value: Double, digits: Int = 1) -> String {
        var text = value.text(digits)
        while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
