import AgentBackend
import Glibc
import NIOCore

/// A file of this host. Reading and writing block: one command does nothing else.
struct LocalFile: ~Copyable {
    private let number: Int32
    private let path: String

    /// Throws `READ_FAILED` or `WRITE_FAILED`.
    init(reading path: String) throws(BackendError) {
        try self.init(path, O_RDONLY, .readFailed)
    }

    /// It is made where it is missing.
    init(adding path: String) throws(BackendError) {
        try self.init(path, O_RDWR | O_CREAT, .writeFailed)
    }

    private init(_ path: String, _ flags: Int32, _ code: BackendError.Code) throws(BackendError) {
        self.path = path
        number = open(path, flags | O_CLOEXEC, 0o666)
        guard number >= 0 else { throw Self.failure(code, path) }
    }

    deinit {
        _ = close(number)
    }

    /// Another one for each version of the file.
    func version() throws(BackendError) -> String {
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw BackendError(.readFailed, reason: .notRegular, message: "\(path) is no regular file: name one")
        }
        return "\(status.st_dev)-\(status.st_ino)-\(status.st_size)-\(status.st_mtim.tv_sec)-\(status.st_mtim.tv_nsec)"
    }

    /// The next bytes from an offset on; nil at the end.
    func read(at offset: UInt64) throws(BackendError) -> ByteBuffer? {
        var piece = ByteBuffer()
        var failure: BackendError?
        let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pieceLength) { buffer in
            let count = pread(number, buffer.baseAddress, Self.pieceLength, off_t(offset))
            if count < 0 { failure = Self.failure(.readFailed, path) }
            return max(0, count)
        }
        if let failure { throw failure }
        return count > 0 ? piece : nil
    }

    func write(_ bytes: ByteBuffer, at offset: UInt64) throws(BackendError) {
        var (rest, offset) = (bytes, off_t(offset))
        while rest.readableBytes > 0 {
            let count = rest.withUnsafeReadableBytes { pwrite(number, $0.baseAddress, $0.count, offset) }
            guard count > 0 else { throw Self.failure(.writeFailed, path) }
            rest.moveReaderIndex(forwardBy: count)
            offset += off_t(count)
        }
    }

    static func rename(_ path: String, to destination: String) throws(BackendError) {
        guard Glibc.rename(path, destination) == 0 else { throw failure(.writeFailed, destination) }
    }

    static func remove(_ path: String) {
        _ = unlink(path)
    }

    private static func failure(_ code: BackendError.Code, _ path: String) -> BackendError {
        let number = errno
        return BackendError(
            code,
            systemErrno: number,
            message: "\(path) of this host: \(String(cString: strerror(number)))"
        )
    }

    private static let pieceLength = 1 << 20
}
