internal import Glibc

/// Which of an org's keys a call is for.
enum KeyDistribution: Equatable {
    case uniform
    /// The key of rank r comes in proportion to 1 / r^exponent.
    case zipf(Double)
    /// Each call has a key that none had before.
    case fresh

    /// `uniform`, `fresh`, `zipf` or `zipf 0.9`.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "uniform" where words.count == 1: self = .uniform
        case "fresh" where words.count == 1: self = .fresh
        case "zipf" where words.count == 1: self = .zipf(0.99)
        case "zipf" where words.count == 2:
            guard let exponent = Double(words[1]), (0...5).contains(exponent) else { return nil }
            self = .zipf(exponent)
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .uniform: "uniform"
        case .zipf(let exponent): "zipf \(exponent)"
        case .fresh: "fresh"
        }
    }
}

extension KeyDistribution: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = KeyDistribution(text) else {
            let message = "\(text) is no distribution: write uniform, zipf, zipf 0.9 or fresh"
            throw DecodingError.dataCorruptedError(in: container, debugDescription: message)
        }
        self = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Draws numbers of keys, 0 up to a count. A value; the generator is the caller's.
struct KeySampler {
    private let distribution: KeyDistribution
    private let count: Int
    /// Of zipf: the part of all draws that goes to this rank or a lower one.
    private let shares: [Double]
    private var fresh = 0

    init(_ distribution: KeyDistribution, count: Int) {
        self.distribution = distribution
        self.count = max(count, 1)
        guard case .zipf(let exponent) = distribution else {
            shares = []
            return
        }
        var sum = 0.0
        let sums = (1...self.count).map { rank in
            sum += pow(Double(rank), -exponent)
            return sum
        }
        shares = sums.map { $0 / sum }
    }

    mutating func next(using generator: inout SeededGenerator) -> Int {
        switch distribution {
        case .uniform:
            return Int.random(in: 0..<count, using: &generator)
        case .fresh:
            defer { fresh += 1 }
            return fresh
        case .zipf:
            let draw = Double.random(in: 0..<1, using: &generator)
            var (low, high) = (0, count - 1)
            while low < high {
                let middle = (low + high) / 2
                if shares[middle] > draw { high = middle } else { low = middle + 1 }
            }
            return low
        }
    }
}
