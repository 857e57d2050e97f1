import Glibc

/// A pipe within the process, to end a wait in poll(2) or to hand a signal on. Never full in use.
final class Pipe: Sendable {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(Descriptor.Failure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(.make, of: "a pipe", errno: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func write(_ byte: UInt8) {
        var byte = byte
        _ = Glibc.write(writeEnd, &byte, 1)
    }
}
