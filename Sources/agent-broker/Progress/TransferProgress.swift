/// How far a transfer has come and how fast it goes, as a line for a terminal. A value; it is told the time.
struct TransferProgress {
    /// Bytes in all. Nil: nobody knows.
    let total: UInt64?
    private(set) var count: UInt64 = 0
    /// Bytes per second, those of the last moments most. Nil: there was no line yet.
    private var rate: Double?
    private var lastLine: (count: UInt64, time: Duration)

    /// What the rate since the last line counts for, against all before.
    private static let weight = 0.3
    /// Columns of the bar, between its brackets.
    private static let barWidths = 10...40

    init(total: UInt64?, at now: Duration) {
        self.total = total
        lastLine = (0, now)
    }

    mutating func add(_ bytes: Int) {
        count += UInt64(bytes)
    }

    /// Fits into so many columns: what does not is left out, the bar first. Takes the rate anew.
    mutating func line(columns: Int, at now: Duration) -> String {
        let elapsed = (now - lastLine.time) / .seconds(1)
        if elapsed > 0 {
            let recent = Double(count - lastLine.count) / elapsed
            rate = rate.map { $0 + Self.weight * (recent - $0) } ?? recent
            lastLine = (count, now)
        }
        let speed = "\(Self.text(UInt64(rate ?? 0)))/s"
        guard let total else {
            return Self.firstThatFits(["\(Self.text(count)), \(speed)", Self.text(count)], columns)
        }
        let percent = total == 0 ? 100 : min(100, Int(Double(count) / Double(total) * 100))
        let share = String(repeating: " ", count: percent < 10 ? 2 : percent < 100 ? 1 : 0) + "\(percent)%"
        let amounts = "\(Self.text(count)) of \(Self.text(total)), \(speed)"
        let barWidth = min(columns - share.utf8.count - amounts.utf8.count - 4, Self.barWidths.upperBound)
        if barWidth >= Self.barWidths.lowerBound {
            return "\(share) [\(Self.bar(percent, barWidth))] \(amounts)"
        }
        return Self.firstThatFits(["\(share) \(amounts)", "\(share) \(speed)", share], columns)
    }

    private static func bar(_ percent: Int, _ width: Int) -> String {
        let filled = width * percent / 100
        let tip = filled < width ? ">" : ""
        return String(repeating: "=", count: filled) + tip
            + String(repeating: " ", count: width - filled - tip.utf8.count)
    }

    private static func firstThatFits(_ texts: [String], _ columns: Int) -> String {
        texts.first { $0.utf8.count <= columns } ?? ""
    }

    /// `1.3 GiB`
    static func text(_ bytes: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        guard bytes >= 1 << 10 else { return "\(bytes) B" }
        // Tenths would not fit into 64 bits above this.
        var (unit, value) = bytes < 1 << 50 ? (0, bytes * 10 / 1024) : (2, (bytes >> 20) * 10 / 1024)
        while value >= 10_240 {
            unit += 1
            value /= 1024
        }
        return "\(value / 10).\(value % 10) \(units[unit])"
    }
}
