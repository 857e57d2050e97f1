import AgentBackend
import Glibc
import Synchronization

/// The terminal that the process was started at. Safe to use from any thread.
final class LocalTerminal: Sendable {
    let number: Int32
    private let modes: termios
    private let isRaw = Mutex(false)

    /// Throws where the descriptor is no terminal.
    init(_ number: Int32) throws(Descriptor.Failure) {
        var modes = termios()
        guard tcgetattr(number, &modes) == 0 else { throw Self.failure }
        self.number = number
        self.modes = modes
    }

    /// As it is now. One that does not tell has 24 rows of 80.
    var size: TerminalSize {
        var size = winsize()
        guard ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return TerminalSize(rows: 24, columns: 80)
        }
        return TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }

    /// Runs `body` while every key comes as it is and everything is shown as it is written. Afterwards the terminal is as
    /// it was: when `body` is done, or earlier, when the task is cancelled, for another signal may end the process then.
    func withRawMode<Value>(_ body: () async throws -> Value) async throws -> Value {
        try makeRaw()
        defer { restore() }
        return try await withTaskCancellationHandler {
            try await body()
        } onCancel: {
            restore()
        }
    }

    private func makeRaw() throws(Descriptor.Failure) {
        var raw = modes
        cfmakeraw(&raw)
        let isDone = isRaw.withLock { isRaw in
            isRaw = tcsetattr(number, TCSANOW, &raw) == 0
            return isRaw
        }
        if !isDone { throw Self.failure }
    }

    private func restore() {
        isRaw.withLock { isRaw in
            guard isRaw else { return }
            var modes = modes
            tcsetattr(number, TCSANOW, &modes)
            isRaw = false
        }
    }

    /// Of the call just made.
    private static var failure: Descriptor.Failure { .system(.setUp, of: "the terminal", errno: errno) }
}
