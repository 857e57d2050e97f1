/// A length of time as scenario files have it: `250us`, `500ms`, `5s`, `2m` or `1h`.
struct TimeSpan: Equatable, Comparable {
    var nanoseconds: UInt64

    var seconds: Double { Double(nanoseconds) / 1e9 }

    init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    static func seconds(_ count: Double) -> TimeSpan { TimeSpan(nanoseconds: UInt64(max(count, 0) * 1e9)) }

    static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Nil for what is none, or longer than a day.
    init?(_ text: String) {
        let units: [(suffix: String, nanoseconds: Double)] = [
            ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        for unit in units where text.hasSuffix(unit.suffix) {
            guard let count = Double(text.dropLast(unit.suffix.count)),
                (0...86_400e9).contains(count * unit.nanoseconds)
            else { continue }
            nanoseconds = UInt64((count * unit.nanoseconds).rounded())
            return
        }
        return nil
    }
}

/// A number of bytes: `512`, `4KiB` or `1MiB`.
struct ByteCount: Equatable {
    var bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    /// Nil for what is none, or more than a gibibyte.
    init?(_ text: String) {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1), ("", 1)]
        for (suffix, factor) in units where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)), (0...(1 << 30) / factor).contains(count) else {
                continue
            }
            bytes = count * factor
            return
        }
        return nil
    }
}

/// Calls in a second: `2000`, or `70%` of the rate that a search of the same run has found.
enum Rate: Equatable {
    case perSecond(Double)
    case ofCapacity(Double)

    init?(_ text: String) {
        if text.hasSuffix("%"), let part = Double(text.dropLast()), part > 0, part <= 1000 {
            self = .ofCapacity(part / 100)
        } else if let rate = Double(text), rate > 0, rate <= 10_000_000 {
            self = .perSecond(rate)
        } else {
            return nil
        }
    }

    /// Nil where nothing was found that it is a part of.
    func perSecond(capacity: Double?) -> Double? {
        switch self {
        case .perSecond(let rate): rate
        case .ofCapacity(let part): capacity.map { $0 * part }
        }
    }
}

// As text in files, so that what is encoded reads as what was written.

extension TimeSpan: Codable {
    init(from decoder: any Decoder) throws {
        self = try decoder.text("a length of time: write 500ms, 5s or 2m", TimeSpan.init)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("\(nanoseconds)ns")
    }
}

extension ByteCount: Codable {
    init(from decoder: any Decoder) throws {
        self = try decoder.text("a number of bytes: write 512, 4KiB or 1MiB", ByteCount.init)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("\(bytes)")
    }
}

extension Rate: Codable {
    init(from decoder: any Decoder) throws {
        self = try decoder.text("a rate: write calls in a second, or 70% of what a search found", Rate.init)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .perSecond(let rate): try container.encode("\(rate)")
        case .ofCapacity(let part): try container.encode("\(part * 100)%")
        }
    }
}

extension Decoder {
    /// The one value here, made from its text.
    fileprivate func text<Value>(_ what: String, _ make: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = make(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is not \(what)")
        }
        return value
    }
}
