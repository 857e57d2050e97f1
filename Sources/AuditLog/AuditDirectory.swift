internal import AgentBackend
internal import Glibc

/// A system call on a file of the audit log that failed. For the operator: it names files of the host.
package struct AuditFault: Error, Sendable, Hashable, CustomStringConvertible {
    let call: String
    let path: String
    package let errno: Int32

    init(_ call: String, _ path: String, errno: Int32 = Glibc.errno) {
        self.call = call
        self.path = path
        self.errno = errno
    }

    /// What went wrong, without the path.
    package var summary: String { String(cString: strerror(errno)) }

    package var description: String { "\(call) \(path): \(summary)" }
}

/// A directory of the audit log and what is done with its files, which only their owner can read. All calls block. A
/// value.
struct AuditDirectory: Sendable {
    let path: String

    /// Makes it where it is missing.
    static func make(_ path: String) throws(AuditFault) -> AuditDirectory {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw AuditFault("mkdir", path) }
        return AuditDirectory(path: path)
    }

    func path(of name: String) -> String { "\(path)/\(name)" }

    func subdirectory(_ name: String) -> AuditDirectory { AuditDirectory(path: path(of: name)) }

    /// Names of what is in it, in the order of their bytes. Empty where there is no such directory.
    func names() throws(AuditFault) -> [String] {
        guard let stream = opendir(path) else {
            if errno == ENOENT { return [] }
            throw AuditFault("open", path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The files of a log, the oldest first.
    func segments() throws(AuditFault) -> [AuditSegment] { try names().compactMap { AuditSegment(name: $0) } }

    func open(_ name: String, _ flags: Int32) throws(AuditFault) -> Int32 {
        let descriptor = Glibc.open(path(of: name), flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0o600)
        guard descriptor >= 0 else { throw AuditFault("open", path(of: name)) }
        return descriptor
    }

    func size(of descriptor: Int32, _ name: String) throws(AuditFault) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AuditFault("stat", path(of: name)) }
        return Int(status.st_size)
    }

    /// Nil: there is none. Fails with `EFBIG` for a larger one.
    func read(_ name: String, atMost limit: Int) throws(AuditFault) -> [UInt8]? {
        let descriptor: Int32
        do {
            descriptor = try open(name, O_RDONLY)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
        defer { close(descriptor) }
        let bytes = try read(descriptor, name, from: 0, count: limit + 1)
        guard bytes.count <= limit else { throw AuditFault("read", path(of: name), errno: EFBIG) }
        return bytes
    }

    /// Fewer bytes than asked for at the end of the file.
    func read(_ descriptor: Int32, _ name: String, from offset: Int, count: Int) throws(AuditFault) -> [UInt8] {
        guard count > 0 else { return [] }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            while length < count {
                let got = pread(
                    descriptor,
                    buffer.baseAddress?.advanced(by: length),
                    count - length,
                    off_t(offset + length)
                )
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { break }
                length += got
            }
        }
        guard failure == 0 else { throw AuditFault("read", path(of: name), errno: failure) }
        return bytes
    }

    /// Makes `contents` the whole of a file: whatever happens meanwhile, a reader finds the old or the new ones.
    /// `isSynced`: also after a loss of power.
    func replace(_ name: String, with contents: [UInt8], isSynced: Bool = true) throws(AuditFault) {
        let temporary = ".\(name).new"
        unlink(path(of: temporary))
        let descriptor = try open(temporary, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        guard Self.write(contents, to: descriptor) == contents.count, !isSynced || fsync(descriptor) == 0,
            rename(path(of: temporary), path(of: name)) == 0
        else {
            let fault = AuditFault("write", path(of: name))
            unlink(path(of: temporary))
            throw fault
        }
    }

    /// Returns how many bytes were written; where that is not all, `errno` says why.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        bytes.withUnsafeBytes { bytes in
            var count = 0
            while count < bytes.count {
                let written = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { break }
                count += written
            }
            return count
        }
    }
}

/// A file of a log, named by the first sequence in it.
struct AuditSegment: Sendable, Hashable {
    let firstSequence: UInt64

    init(firstSequence: UInt64) {
        self.firstSequence = firstSequence
    }

    /// Nil: the name is that of no such file.
    init?(name: String) {
        self.init(name, prefix: "", suffix: Self.suffix)
    }

    /// From the name of a file of what was not written whole.
    init?(torn name: String) {
        self.init(name, prefix: Self.tornPrefix, suffix: "")
    }

    private init?(_ name: String, prefix: String, suffix: String) {
        let digits = name.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), digits.utf8.count == Self.digits,
            digits.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), let sequence = UInt64(digits)
        else { return nil }
        firstSequence = sequence
    }

    var name: String { stem + Self.suffix }

    /// Of the file for what was not written whole of the record of this sequence.
    var tornName: String { Self.tornPrefix + stem }

    private var stem: String {
        let digits = String(firstSequence)
        return String(repeating: "0", count: Self.digits - digits.utf8.count) + digits
    }

    private static let suffix = ".jsonl"
    private static let tornPrefix = "torn-"
    /// As many as the greatest sequence has: files sort by name.
    private static let digits = 20
}
