import AgentBackend
import Foundation
import NIOCore
import Testing

extension BackendConformance {
    /// Commands that have a terminal.
    @Suite struct Terminals {
        private static func request(_ line: String) -> ExecRequest {
            ExecRequest(
                .shellLine(Array(line.utf8)),
                opensStandardInput: true,
                terminal: Terminal(TerminalSize(rows: 12, columns: 34), type: "vt100")
            )
        }

        /// Reads until they were written, one after the other; none: to the end.
        @discardableResult
        private static func read(
            until parts: String...,
            from command: any CommandExecution,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            var all = ""
            while parts.isEmpty || !holds(all, parts) {
                guard let bytes = try await command.readOutput(.standardOutput, upTo: 4096) else {
                    #expect(parts.isEmpty, "it ended after: \(all)", sourceLocation: sourceLocation)
                    return all
                }
                all += String(buffer: bytes)
            }
            return all
        }

        private static func holds(_ text: String, _ parts: [String]) -> Bool {
            var rest = text[...]
            return parts.allSatisfy { part in
                guard let place = rest.range(of: part) else { return false }
                rest = rest[place.upperBound...]
                return true
            }
        }

        @Test(arguments: Subject.all)
        func itIsOfItsSizeAndType(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = Self.request("stty size; echo $TERM; test -t 0 && test -t 1 && echo err >&2; exit 3")
                request.environment = try Environment(["TERM": "dumb"])
                request.opensStandardInput = false
                let command = try await tested.backend.start(request)
                #expect(try await Self.read(from: command) == "12 34\r\nvt100\r\nerr\r\n")
                #expect(try await command.readOutput(.standardError, upTo: 1) == nil)
                #expect(await command.waitForEnd().outcome == .exited(code: 3))
                request.terminal?.type = nil
                let plain = try await tested.backend.start(request)
                #expect(try await Self.read(from: plain) == "12 34\r\ndumb\r\nerr\r\n")
                _ = await plain.waitForEnd()
            }
        }

        @Test(arguments: Subject.all, [false, true])
        func itIsResized(subject: Subject, opensStandardInput: Bool) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = Self.request("trap 'stty size; exit 3' WINCH; echo set; while :; do sleep 0.01; done")
                request.opensStandardInput = opensStandardInput
                let command = try await tested.backend.start(request)
                try await Self.read(until: "set\r\n", from: command)
                for size in [TerminalSize(rows: 0, columns: 1), TerminalSize(rows: 1, columns: 0)] {
                    #expect(try await failure { try await command.resizeTerminal(to: size) }.code == .invalidArgument)
                }
                try await command.resizeTerminal(to: TerminalSize(rows: 56, columns: .max))
                #expect(try await Self.read(from: command).contains("56 65535\r\n"))
                #expect(await command.waitForEnd().outcome == .exited(code: 3))
                // It has ended: nothing happens.
                try await command.resizeTerminal(to: TerminalSize(rows: 1, columns: 1))
            }
        }

        @Test(arguments: Subject.all)
        func whatHasNoneIsNotResized(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = Self.request("cat")
                request.terminal = nil
                let command = try await tested.backend.start(request)
                let error = try await failure {
                    try await command.resizeTerminal(to: TerminalSize(rows: 1, columns: 1))
                }
                #expect(error.code == .invalidArgument)
                command.closeInput()
                #expect(try await Self.read(from: command) == "")
                #expect(await command.waitForEnd().outcome == .exited(code: 0))
            }
        }

        @Test(arguments: Subject.all)
        func oneOfNoSizeIsRefused(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                for size in [TerminalSize(rows: 0, columns: 80), TerminalSize(rows: 24, columns: 0)] {
                    var request = Self.request("true")
                    request.terminal = Terminal(size)
                    #expect(try await failure { _ = try await tested.backend.start(request) }.code == .invalidArgument)
                }
            }
        }

        @Test(arguments: Subject.all)
        func keysAreSignalsAndTheEnd(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                var request = Self.request("")
                request.program = .arguments(["bash", "--norc", "-i"].map { Array($0.utf8) })
                request.environment = try Environment(["PS1": "> "])
                let command = try await tested.backend.start(request)
                try await Self.read(until: "> ", from: command)
                let line = "sh -c 'echo go\"\"ing; exec sleep 1000'\n"
                try await command.writeInput(ByteBuffer(string: line))
                try await Self.read(until: "going", from: command)
                try await command.writeInput(ByteBuffer(string: "\u{3}"))
                try await Self.read(until: "> ", from: command)
                try await command.writeInput(ByteBuffer(string: "echo co''de $?\n"))
                // Only at the prompt Ctrl-D is a key.
                try await Self.read(until: "code 130", "> ", from: command)
                try await command.writeInput(ByteBuffer(string: "\u{4}"))
                try await Self.read(from: command)
                #expect(await command.waitForEnd().outcome == .exited(code: 0))
            }
        }

        /// More than any window or buffer on the way.
        @Test(arguments: Subject.all)
        func allThatIsTypedArrives(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let typed = Pattern.bytes(3 << 20)
                let line = "stty raw -echo; mkfifo go; echo set; read x < go; head -c \(typed.readableBytes) > typed"
                let command = try await tested.backend.start(Self.request(line))
                try await Self.read(until: "set", from: command)
                async let written: Void = command.writeInput(typed)
                try await tested.backend.exec("echo > go")
                try await written
                try await Self.read(from: command)
                #expect(await command.waitForEnd().outcome == .exited(code: 0))
                #expect(try await tested.backend.read("typed") == typed)
            }
        }

        @Test(arguments: Subject.all)
        func allThatIsWrittenIsRead(subject: Subject) async throws {
            try await withShell(subject) { (tested: Tested) async throws in
                let command = try await tested.backend.start(Self.request("stty -opost; seq 300000"))
                #expect(try await Self.read(from: command) == (1...300_000).map { "\($0)\n" }.joined())
                #expect(await command.waitForEnd().outcome == .exited(code: 0))
            }
        }
    }
}
