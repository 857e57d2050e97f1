import Foundation
import Glibc
import Synchronization

/// Somebody at a terminal: a real one, with a session of its own, where a program runs that it watches and types to.
///
/// Safe to share; one task reads at a time.
final class TerminalUser: Sendable {
    private let keyboard: FileHandle
    private let session: ChildProcess
    private let screen: AsyncStream<Data>
    /// What was shown after the last text that was waited for.
    private let unread = Mutex("")

    /// Runs a program, and tells the terminal's modes before and after, its process id and its exit status.
    private static let script = """
        exec 1>&0 2>&0; echo "modes:$(stty -g):"; (echo -n "pid:$BASHPID:"; exec "$@"); echo "status:$?:"
        echo "modes:$(stty -g):"
        """

    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        rows: UInt16 = 40,
        columns: UInt16 = 120
    ) throws {
        let keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var locked: Int32 = 0
        let isOpen = keyboard >= 0 && ioctl(keyboard, Self.setLock, &locked) == 0
        let terminal = isOpen ? ioctl(keyboard, Self.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1
        guard terminal >= 0 else { throw ChildProcess.Failure(description: "no terminal: errno \(errno)") }
        self.keyboard = FileHandle(fileDescriptor: keyboard, closeOnDealloc: true)
        Self.setSize(rows, columns, of: keyboard)
        session = try ChildProcess(
            "/usr/bin/setsid",
            ["-c", "-w", "bash", "-c", Self.script, "bash", program] + arguments,
            environment: environment,
            inputDescriptor: FileHandle(fileDescriptor: terminal, closeOnDealloc: true)
        )
        let (screen, shown) = AsyncStream.makeStream(of: Data.self)
        self.screen = screen
        let handle = self.keyboard
        DispatchQueue.global().async {
            var bytes = [UInt8](repeating: 0, count: 1 << 12)
            while true {
                let count = read(handle.fileDescriptor, &bytes, bytes.count)
                if count > 0 { shown.yield(Data(bytes.prefix(count))) } else if count == 0 || errno != EINTR { break }
            }
            shown.finish()
        }
    }

    /// TIOCSPTLCK and TIOCGPTPEER of ioctl_tty(2).
    private static let (setLock, openPeer) = (UInt(0x4004_5431), UInt(0x5441))

    func type(_ keys: String) throws {
        try keyboard.write(contentsOf: Data(keys.utf8))
    }

    func resize(rows: UInt16, columns: UInt16) {
        Self.setSize(rows, columns, of: keyboard.fileDescriptor)
    }

    private static func setSize(_ rows: UInt16, _ columns: UInt16, of terminal: Int32) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
    }

    /// Waits until a text is shown, and returns what was shown before it since the last one.
    @discardableResult
    func see(_ text: String) async throws -> String {
        var next = screen.makeAsyncIterator()
        while true {
            let shown = unread.withLock { unread -> String? in
                guard let place = unread.range(of: text) else { return nil }
                defer { unread = String(unread[place.upperBound...]) }
                return String(unread[..<place.lowerBound])
            }
            if let shown { return shown }
            guard let more = await next.next() else {
                throw ChildProcess.Failure(description: "\"\(text)\" is not shown, but: \(unread.withLock { $0 })")
            }
            unread.withLock { $0 += String(decoding: more, as: UTF8.self) }
        }
    }

    /// What the program's session tells between two colons after a word.
    private func see(value word: String) async throws -> String {
        try await see("\(word):")
        return try await see(":")
    }

    /// The program's process, once it is about to run, and the modes of the terminal before.
    func begin() async throws -> (pid: Int32, modes: String) {
        let modes = try await see(value: "modes")
        return (Int32(try await see(value: "pid")) ?? 0, modes)
    }

    /// How the program ended, as a shell tells it, what it showed last, and the modes of the terminal after.
    func end() async throws -> (status: Int32, shown: String, modes: String) {
        let shown = try await see("status:")
        let status = Int32(try await see(":")) ?? -1
        let modes = try await see(value: "modes")
        _ = try await session.exit()
        return (status, shown, modes)
    }
}
