internal import AgentBackend
internal import CLinux
internal import Glibc

/// What our C functions return for a failure, -errno, as a thrown error. `call` names the system call.
@discardableResult
func systemCall(_ call: String, _ result: Int32) throws(BackendError) -> Int32 {
    guard result < 0 else { return result }
    throw .systemCall(call, errno: -result)
}

extension OwnedDescriptor {
    /// The descriptor that a C function made, or its error.
    static func made(by call: String, _ result: Int32) throws(BackendError) -> OwnedDescriptor {
        OwnedDescriptor(try systemCall(call, result))
    }

    /// Both ends of what pipe(2) or socketpair(2) made.
    static func pair(
        by call: String,
        _ make: (UnsafeMutablePointer<Int32>) -> Int32
    ) throws(BackendError) -> DescriptorPair {
        var ends: [Int32] = [-1, -1]
        let result = ends.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map(make) ?? -EFAULT
        }
        try systemCall(call, result)
        return DescriptorPair(first: OwnedDescriptor(ends[0]), second: OwnedDescriptor(ends[1]))
    }

    /// A file in memory with these bytes, to be read from its beginning.
    static func memoryFile(_ name: String, _ bytes: [UInt8]) throws(BackendError) -> OwnedDescriptor {
        let file = try made(by: "memfd_create", linux_memory_file(name))
        try file.writeAll(bytes)
        guard lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw .systemCall("lseek", errno: errno) }
        return file
    }

    /// Writes to a file or socket that takes all of it.
    func writeAll(_ bytes: [UInt8]) throws(BackendError) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { write(rawValue, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .systemCall("write", errno: errno) }
            done += written
        }
    }

    /// What there is to read: to the end, an error, or where it would block.
    borrowing func readAll() -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(rawValue, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// Another descriptor of the same open file.
    borrowing func duplicate() throws(BackendError) -> OwnedDescriptor {
        let copy = fcntl(rawValue, F_DUPFD_CLOEXEC, 0)
        return try .made(by: "fcntl", copy < 0 ? -errno : copy)
    }

    func setNonBlocking() throws(BackendError) {
        try systemCall("ioctl", linux_set_nonblocking(rawValue))
    }
}

/// The two ends of a pipe (reading, writing) or of a socket pair.
struct DescriptorPair: ~Copyable {
    let first: OwnedDescriptor
    let second: OwnedDescriptor
}

extension BackendError {
    /// The host refused a system call that starting or running a command needs.
    static func systemCall(_ call: String, errno code: Int32) -> BackendError {
        switch code {
        case EMFILE, ENFILE, ENOMEM, EAGAIN, ENOSPC:
            BackendError(
                .resourceExhausted,
                systemErrno: code,
                message: "the host is out of processes, memory or descriptors (\(call), errno \(code)): "
                    + "try again later",
                isRetryable: true
            )
        default:
            BackendError(
                .execError,
                systemErrno: code,
                message: "\(call) failed with errno \(code): see the broker's log"
            )
        }
    }
}
