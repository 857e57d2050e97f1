internal import CLinux
internal import Glibc

/// Takes the first line of a program's output in the moment in which it is written, not at the next look.
struct ReadyPipe: ~Copyable {
    private let readEnd: Int32
    /// For the program's standard output.
    let writeEnd: Int32

    init() throws(LoadFailure) {
        var ends: [Int32] = [-1, -1]
        let status = linux_pipe(&ends)
        guard status == 0 else { throw .system(call: "pipe2", errno: -status, subject: "") }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Waits for the line and returns it without its end; nil when it does not come within `patience`.
    func line(within patience: Duration, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> String? {
        let end = Clocks.monotonic() + patience.nanoseconds
        var bytes: [UInt8] = []
        while true {
            let now = Clocks.monotonic()
            guard now < end else { return nil }
            var watched = [readEnd, interrupts.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let milliseconds = Int32(clamping: (end - now) / 1_000_000 + 1)
            guard poll(&watched, 2, milliseconds) > 0 else { continue }
            if watched[1].revents != 0 { throw .interrupted }
            var part = [UInt8](repeating: 0, count: 4096)
            let count = read(readEnd, &part, part.count)
            bytes += part.prefix(max(count, 0))
            if let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                return String(decoding: bytes[..<newline], as: UTF8.self)
            }
        }
    }
}
