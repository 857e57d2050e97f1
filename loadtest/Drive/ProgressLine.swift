internal import Glibc

/// One line on standard error that is written anew as a run goes on; nothing where that is no terminal.
final class ProgressLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var last: UInt64 = 0

    /// How all generators do, together.
    func show(_ reports: [StageProgress]) {
        let now = Clocks.monotonic()
        guard isTerminal, now - last > 200_000_000, let first = reports.first else { return }
        last = now
        let answered = reports.reduce(0) { $0 + $1.answered }
        let failed = reports.reduce(0) { $0 + $1.failed }
        let p99 = reports.map(\.p99Microseconds).max() ?? 0
        write(
            "\r\u{1b}[K\(first.name)  \(first.seconds.text(1)) s  \(answered) calls  p99 \((p99 / 1000).text(2)) ms"
                + (failed > 0 ? "  \(failed) failed" : "")
        )
    }

    /// A line that stays.
    func note(_ text: String) {
        clear()
        write(text + "\n")
    }

    func clear() {
        if isTerminal { write("\r\u{1b}[K") }
    }

    private func write(_ text: String) {
        var standardError = StandardError()
        print(text, terminator: "", to: &standardError)
    }
}
