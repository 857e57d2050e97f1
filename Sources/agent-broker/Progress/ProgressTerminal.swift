import Glibc

/// A terminal that progress is shown on, one line that is drawn over. Never waits for it.
struct ProgressTerminal: ProgressDisplay {
    private let descriptor: Int32

    /// Nil where the descriptor is no terminal.
    init?(_ descriptor: Int32) {
        guard isatty(descriptor) == 1 else { return nil }
        self.descriptor = descriptor
    }

    /// As it is now: its user may change it at any time. A terminal that does not tell has 80.
    var columns: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Nothing where the terminal takes nothing just now, or belongs to another process group.
    func write(_ text: String) {
        guard tcgetpgrp(descriptor) == getpgrp() else { return }
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&polled, 1, 0) == 1, polled.revents == Int16(POLLOUT) else { return }
        Array(text.utf8).withUnsafeBytes { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
