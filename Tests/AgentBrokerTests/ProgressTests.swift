import Synchronization
import Testing

@testable import agent_broker

@Suite struct TransferProgressTests {
    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), ((1 << 20) - 1, "1023.9 KiB"),
            (5_368_709_120, "5.0 GiB"), (1_500_000_000, "1.3 GiB"), (1 << 50, "1.0 PiB"), (UInt64.max, "15.9 EiB"),
        ] as [(UInt64, String)]
    )
    func amounts(bytes: UInt64, text: String) {
        #expect(TransferProgress.text(bytes) == text)
    }

    /// What fits into a terminal of so many columns.
    @Test(arguments: [
        (80, " 25% [==========>                             ] 256.0 MiB of 1.0 GiB, 64.0 MiB/s"),
        (60, " 25% [=====>              ] 256.0 MiB of 1.0 GiB, 64.0 MiB/s"),
        (50, " 25% [==>       ] 256.0 MiB of 1.0 GiB, 64.0 MiB/s"), (48, " 25% 256.0 MiB of 1.0 GiB, 64.0 MiB/s"),
        (30, " 25% 64.0 MiB/s"), (10, " 25%"), (3, ""), (0, ""),
    ])
    func theBarGoesFirst(columns: Int, expected: String) {
        var progress = TransferProgress(total: 1 << 30, at: .zero)
        progress.add(1 << 28)
        let line = progress.line(columns: columns, at: .seconds(4))
        #expect(line == expected)
        #expect(line.utf8.count <= columns)
    }

    @Test func withoutATotalThereIsNoShare() {
        var progress = TransferProgress(total: nil, at: .zero)
        progress.add(3 << 20)
        #expect(progress.line(columns: 80, at: .seconds(2)) == "3.0 MiB, 1.5 MiB/s")
        #expect(progress.line(columns: 10, at: .seconds(2)) == "3.0 MiB")
    }

    /// A file that grows meanwhile is no reason for more than all of it; one that is empty is all there.
    @Test func theShareIsAtMostAllOfIt() {
        var grown = TransferProgress(total: 10, at: .zero)
        grown.add(20)
        #expect(grown.line(columns: 30, at: .seconds(1)).hasPrefix("100% "))
        var empty = TransferProgress(total: 0, at: .zero)
        #expect(empty.line(columns: 30, at: .seconds(1)).hasPrefix("100% "))
    }

    @Test func theRateFollowsWhatHappensNow() {
        var progress = TransferProgress(total: nil, at: .zero)
        progress.add(100 << 20)
        #expect(progress.line(columns: 80, at: .seconds(1)).hasSuffix(" 100.0 MiB/s"))
        var rates: [String] = []
        for second in 2..<30 {
            let line = progress.line(columns: 80, at: .seconds(second))
            rates.append(line.split(separator: ", ").last.map(String.init) ?? "")
        }
        #expect(rates.first == "70.0 MiB/s")
        #expect(rates.last?.contains("KiB") ?? false, "\(rates)")
    }
}

@Suite struct ProgressBarTests {
    private final class Terminal: ProgressDisplay {
        let state = Mutex((columns: 40, written: [String](), time: Duration.zero))

        var columns: Int { state.withLock { $0.columns } }
        var written: [String] { state.withLock { $0.written } }

        func write(_ text: String) { state.withLock { $0.written.append(text) } }

        func bar(total: UInt64?) -> ProgressBar {
            ProgressBar(total: total, on: self) { [self] in state.withLock { $0.time } }
        }

        func pass(_ time: Duration) { state.withLock { $0.time += time } }

        /// What stands on the line after all that was written.
        var line: String {
            var line: [Character] = []
            for text in written {
                var column = 0
                for character in text {
                    if character == "\r" {
                        column = 0
                        continue
                    }
                    if column < line.count { line[column] = character } else { line.append(character) }
                    column += 1
                }
            }
            while line.last == " " { line.removeLast() }
            return String(line)
        }
    }

    @Test func whatIsDoneAtOnceIsNotShown() {
        let terminal = Terminal()
        let bar = terminal.bar(total: 100)
        for _ in 0..<10 {
            bar.advance(10)
            terminal.pass(.milliseconds(49))
        }
        bar.end()
        #expect(terminal.written.isEmpty)
    }

    @Test func itIsDrawnTenTimesASecondAtMost() {
        let terminal = Terminal()
        let bar = terminal.bar(total: 10_000)
        for _ in 0..<2500 {
            bar.advance(1)
            terminal.pass(.milliseconds(1))
        }
        // From half a second on.
        #expect(terminal.written.count == 20)
        #expect(terminal.line.contains("24%"))
        bar.end()
        #expect(terminal.line.isEmpty)
    }

    /// A shorter line leaves nothing of a longer one, and the end nothing at all.
    @Test func nothingStaysBehind() {
        let terminal = Terminal()
        let bar = terminal.bar(total: nil)
        terminal.pass(.seconds(1))
        bar.advance(1023)
        #expect(terminal.line == "1023 B, 1023 B/s")
        terminal.pass(.seconds(1000))
        bar.advance(1025)
        #expect(terminal.line == "2.0 KiB, 716 B/s")
        terminal.state.withLock { $0.columns = 10 }
        terminal.pass(.seconds(1))
        bar.advance(0)
        #expect(terminal.line == "2.0 KiB")
        bar.end()
        bar.end()
        #expect(terminal.line.isEmpty)
        let count = terminal.written.count
        bar.advance(1)
        #expect(terminal.written.count == count)
    }
}
