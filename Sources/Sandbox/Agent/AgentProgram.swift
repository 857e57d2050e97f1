internal import AgentBackend
internal import CLinux
internal import Glibc

/// The program of the agent, in one file in memory that all sandboxes are started from.
struct AgentProgram: ~Copyable, Sendable {
    /// Executed as `/proc/self/fd/N`; nobody can write it.
    let file: OwnedDescriptor

    init() throws(BackendError) {
        let writable = try OwnedDescriptor.made(by: "memfd_create", linux_program_file("sandbox-agent"))
        try writable.writeAll(Self.bytes)
        // Whom it runs as is somebody else than its owner.
        guard fchmod(writable.rawValue, 0o555) == 0 else { throw .systemCall("fchmod", errno: errno) }
        try systemCall("fcntl", linux_seal(writable.rawValue))
        // A program that is open for writing cannot be executed.
        let readable = open("/proc/self/fd/\(writable.rawValue)", O_RDONLY | O_CLOEXEC)
        file = try .made(by: "open", readable < 0 ? -errno : readable)
    }

    /// From base64, as the build wrote it.
    private static var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sandboxAgentProgram.utf8CodeUnitCount / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        sandboxAgentProgram.withUTF8Buffer { text in
            for character in text {
                guard let value = value(of: character) else { break }
                bits = bits << 6 | value
                count += 6
                if count >= 8 {
                    count -= 8
                    bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
        }
        return bytes
    }

    /// Nil for the padding at the end.
    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
