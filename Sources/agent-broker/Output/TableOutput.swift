import AgentBackend
import NIOCore

/// Rows on standard output, in columns beneath a heading. Whoever adds rows flushes them at the end.
///
/// The first rows decide how wide the columns are; longer cells further down push theirs aside. Numbers are aligned to
/// the right.
struct TableOutput {
    private struct Column {
        let title: String
        var width: Int
        var isNumber = true
    }

    private var lines: LineOutput
    private var columns: [Column]
    private var rows: [[String]] = []
    private var hasHeading = false

    /// Rows that are kept to learn the widths from.
    private static let keptRows = 500

    init(_ output: CommandOutput, _ titles: [String]) {
        lines = LineOutput(output)
        columns = titles.map { Column(title: $0, width: $0.count) }
    }

    /// Bytes that are no printable text are shown escaped: some of it is what others call themselves.
    mutating func add(_ cells: [String]) async throws {
        rows.append(cells.map { $0.isEmpty ? "-" : WorkspacePath.printable($0.utf8) })
        if hasHeading || rows.count == Self.keptRows { try await write() }
    }

    mutating func flush() async throws {
        try await write()
        try await lines.flush()
    }

    private mutating func write() async throws {
        if !hasHeading {
            hasHeading = true
            for row in rows {
                for (index, cell) in row.enumerated() where index < columns.count {
                    columns[index].width = max(columns[index].width, cell.count)
                    if cell != "-", !Self.isNumber(cell) { columns[index].isNumber = false }
                }
            }
            try await lines.add(line(columns.map(\.title)), [])
        }
        for row in rows { try await lines.add(line(row), []) }
        rows = []
    }

    /// Also with a unit behind it.
    private static func isNumber(_ cell: String) -> Bool {
        cell.first?.isNumber ?? false && cell.allSatisfy { $0.isNumber || $0.isLowercase || $0 == "." }
    }

    private func line(_ cells: [String]) -> String {
        let padded = zip(columns, cells).map { column, cell in
            let padding = String(repeating: " ", count: max(0, column.width - cell.count))
            return column.isNumber ? padding + cell : cell + padding
        }
        return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
}

/// A time as tables show it: its two largest units.
struct ShortTime {
    let duration: Duration

    /// `1d2h`, `3m5s`, `2.5s`, `12ms`
    var text: String {
        let milliseconds = Int64(clamping: duration.inMilliseconds)
        let seconds = milliseconds / 1000
        switch seconds {
        case 0: return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
        case ..<60: return "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<3600: return "\(seconds / 60)m\(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3600)h\(seconds % 3600 / 60)m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3600)h"
        }
    }
}
