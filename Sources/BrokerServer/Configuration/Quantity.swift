/// Sizes and durations as people write them. Also what flags of the command line use.
package enum Quantity {
    /// Bytes: a plain number, or one with a unit: `B`, `KiB`, `MiB`, `GiB`, `TiB`.
    package static func bytes(_ text: String) throws(ValueMistake) -> Int {
        let (number, unit) = try split(text, example: "16MiB")
        guard let factor = byteUnits[String(unit)] else {
            throw ValueMistake("has the unit \"\(unit)\": use KiB, MiB, GiB or TiB")
        }
        return try multiply(number, factor)
    }

    /// A time: a whole number with a unit: `us`, `ms`, `s`, `m`, `h` or `d`.
    package static func duration(_ text: String) throws(ValueMistake) -> Duration {
        let (number, unit) = try split(text, example: "5s")
        guard !unit.isEmpty else {
            throw ValueMistake("has no unit: write \(number)ms, \(number)s, \(number)m or \(number)h")
        }
        guard let factor = microsecondsByUnit[String(unit)] else {
            throw ValueMistake("has the unit \"\(unit)\": use us, ms, s, m, h or d")
        }
        return .microseconds(try multiply(number, factor))
    }

    /// A whole number that is not negative; `_` may group its digits.
    package static func count(_ text: String) throws(ValueMistake) -> Int {
        let (number, unit) = try split(text, example: "1000")
        guard unit.isEmpty else { throw ValueMistake("is a number without a unit: leave out \"\(unit)\"") }
        return number
    }

    /// The shortest text that ``bytes(_:)`` reads back as `count`.
    package static func text(bytes count: Int) -> String {
        let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for (unit, factor) in units where count >= factor && count.isMultiple(of: factor) {
            return "\(count / factor)\(unit)"
        }
        return "\(count)"
    }

    /// The shortest text that ``duration(_:)`` reads back as `duration`, to the microsecond.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let microseconds = Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
        guard microseconds > 0 else { return "0s" }
        let units = microsecondsByUnit.sorted { $0.value > $1.value }
        for (unit, factor) in units where microseconds.isMultiple(of: factor) {
            return "\(microseconds / factor)\(unit)"
        }
        return "\(microseconds)us"
    }

    private static let byteUnits = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40]
    private static let microsecondsByUnit = [
        "us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000,
    ]

    private static func split(_ text: String, example: String) throws(ValueMistake) -> (number: Int, unit: Substring) {
        if text.hasPrefix("-") { throw ValueMistake("must not be negative") }
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "_") }
        guard let first = digits.first, first != "_" else {
            throw ValueMistake("is not a number such as \(example)")
        }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        if unit.first == "." || unit.first == "," {
            throw ValueMistake("must be a whole number: use a smaller unit")
        }
        guard let number = Int(digits.filter { $0 != "_" }) else { throw tooLarge }
        return (number, unit)
    }

    private static func multiply(_ number: Int, _ factor: Int) throws(ValueMistake) -> Int {
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { throw tooLarge }
        return product
    }

    private static let tooLarge = ValueMistake("is too large a number")
}
