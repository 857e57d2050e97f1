import Foundation
import Testing

extension IntegrationTests {
    /// `read` and `write` on a terminal of their own.
    @Suite
    struct ProgressTests {
        private struct Session: Decodable {
            let status: Int
            /// All that was written to the terminal.
            let screen: String
            /// Bytes on standard output.
            let bytes: Int
        }

        /// Runs a command whose standard error, and controlling terminal, is a pseudo terminal, its standard input and
        /// output pipes. The first megabyte goes through, then none for longer than what is shown takes, then the rest.
        /// `interrupts`: Ctrl-C is typed when something is shown.
        private static let driver = """
            import fcntl, json, os, pty, select, struct, sys, termios, time
            columns, interrupts, feeds = int(sys.argv[1]), sys.argv[2] == "interrupt", int(sys.argv[3])
            given, taken = os.pipe(), os.pipe()
            pid, terminal = pty.fork()
            if pid == 0:
                fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
                os.dup2(given[0], 0); os.dup2(taken[1], 1)
                os.closerange(3, 100)
                os.execv(sys.argv[4], sys.argv[4:])
            os.close(given[0]); os.close(taken[1])
            count, screen, is_open = 0, b"", {terminal, taken[0]}
            if feeds:
                os.write(given[1], bytes(1 << 20))
            else:
                count += len(os.read(taken[0], 4096))
            # The command looks at the clock when bytes move, and shows nothing in its first half second.
            time.sleep(0.8)
            left = feeds - (1 << 20) if feeds else 0
            while is_open:
                writers = [given[1]] if left > 0 else []
                readable, writable, _ = select.select(list(is_open), writers, [])
                if writable:
                    try:
                        left -= os.write(given[1], bytes(min(left, 4096)))
                    except BrokenPipeError:
                        left = 0
                    if left <= 0 and not interrupts:
                        os.close(given[1])
                for source in readable:
                    try:
                        piece = os.read(source, 1 << 16)
                    except OSError:
                        piece = b""
                    if not piece:
                        is_open.discard(source)
                    elif source == terminal:
                        if interrupts and not screen:
                            os.write(terminal, bytes([3]))
                        screen += piece
                    else:
                        count += len(piece)
            if not feeds or interrupts:
                os.close(given[1])
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            print(json.dumps({"status": status, "screen": screen.decode(), "bytes": count}))
            """

        private func session(
            of broker: BrokerProcess,
            columns: Int = 80,
            interrupts: Bool = false,
            feeding: Int = 0,
            _ arguments: String...
        ) async throws -> Session {
            let driver = ["-c", Self.driver, "\(columns)", interrupts ? "interrupt" : "", "\(feeding)"]
            let command = [try BuiltProducts.program("agent-broker")] + arguments
            let result = try await ChildProcess.run(
                "/usr/bin/python3",
                driver + command,
                environment: broker.environment()
            )
            guard result.status == 0 else { throw ChildProcess.Failure(description: "\(result)") }
            return try JSONDecoder().decode(Session.self, from: result.output)
        }

        private static let size = 6 << 20

        private func withFile(_ body: (BrokerProcess) async throws -> Void) async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"]) { broker in
                    let written = try await broker.client(
                        "write",
                        "--key",
                        "a",
                        "file",
                        input: Data(repeating: 7, count: Self.size)
                    )
                    #expect(written.status == 0)
                    try await body(broker)
                }
            }
        }

        /// The lines that were drawn one over the other; what stands there in the end is the last.
        private func lines(_ screen: String) -> [String] {
            screen.split(separator: "\r").map { String($0.reversed().drop { $0 == " " }.reversed()) }
        }

        @Test(.timeLimit(.minutes(1)), arguments: [80, 50, 20])
        func readShowsHowFarItIs(columns: Int) async throws {
            try await withFile { broker in
                let session = try await session(of: broker, columns: columns, "read", "--key", "a", "file")
                #expect(session.status == 0 && session.bytes == Self.size)
                let lines = lines(session.screen)
                let shown = try #require(lines.first { !$0.isEmpty }, "\(session)")
                #expect(shown.contains("%") && shown.contains("/s"))
                #expect(shown.contains("of 6.0 MiB") == (columns >= 50))
                #expect(shown.contains("[=") || shown.contains("[>") || columns < 80)
                #expect(lines.allSatisfy { $0.utf8.count < columns })
                #expect(lines.last == "" && session.screen.hasSuffix(" \r"))
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func writeShowsWhatItSent() async throws {
            try await withFile { broker in
                let session = try await session(of: broker, feeding: 4 << 20, "write", "--key", "a", "copy")
                #expect(session.status == 0 && session.bytes == 0)
                let lines = lines(session.screen)
                #expect(
                    lines.contains { $0.contains("iB, ") && $0.contains("iB/s") && !$0.contains("%") },
                    "\(session)"
                )
                #expect(lines.last == "" && session.screen.hasSuffix(" \r"))
                let stat = try await broker.client("stat", "--key", "a", "--json", "copy")
                #expect(stat.text.contains("\"size\":\(4 << 20)"))
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func interruptedItLeavesNothingOnTheScreen() async throws {
            try await withFile { broker in
                let session = try await session(
                    of: broker,
                    interrupts: true,
                    feeding: 4 << 20,
                    "write",
                    "--key",
                    "a",
                    "copy"
                )
                #expect(session.status == 130, "\(session)")
                #expect(session.screen.contains("iB/s"))
                #expect(lines(session.screen).last == "" && session.screen.hasSuffix(" \r"))
                #expect(try await broker.client("exists", "--key", "a", "copy").status == 1)
            }
        }

        @Test(.timeLimit(.minutes(1)), arguments: ["--quiet", "--json"])
        func whoAsksForNoneGetsNone(flag: String) async throws {
            try await withFile { broker in
                let read = try await session(of: broker, "read", "--key", "a", flag, "file")
                #expect(read.status == 0 && read.screen.isEmpty && read.bytes >= Self.size, "\(read)")
                let write = try await session(of: broker, feeding: 2 << 20, "write", "--key", "a", flag, "copy")
                #expect(write.status == 0 && write.screen.isEmpty, "\(write)")
            }
        }
    }
}
