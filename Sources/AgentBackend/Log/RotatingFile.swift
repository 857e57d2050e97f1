internal import Glibc

/// Lines to a file, which is renamed when it is full: `log`, `log.1`, `log.2`, … from the newest to the oldest.
///
/// A file that somebody else moved or removed is made anew. A pipe or a device is written as it is.
struct RotatingFile: LineOutput {
    private let path: String
    private let maximumBytes: Int
    private let maximumFiles: Int
    private var file: OpenFile?

    private struct OpenFile {
        var output: DescriptorOutput
        /// Bytes. Nil: no regular file, which never fills up.
        var size: Int?
        let identity: FileID
    }

    private struct FileID: Equatable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    init(path: String, maximumBytes: Int, maximumFiles: Int) {
        self.path = path
        self.maximumBytes = maximumBytes
        self.maximumFiles = maximumFiles
    }

    /// Whether it could be written now: 0, or errno(3). A pipe that nobody reads yet is no mistake.
    mutating func check() -> Int32 {
        defer { close() }
        return open() || errno == ENXIO ? 0 : errno
    }

    mutating func write(_ lines: TextLines, _ patience: SinkPatience) -> Int {
        if let file, identityAtPath != file.identity { close() }
        var written = 0
        while written < lines.count, file != nil || open() {
            guard let count = writeSome(lines, from: written, patience) else { break }
            written += count
        }
        return written
    }

    mutating func close() {
        if let file { _ = Glibc.close(file.output.descriptor) }
        file = nil
    }

    /// Writes as many lines as fit, or makes room for the next. Nil: nothing more can be written.
    private mutating func writeSome(_ lines: TextLines, from first: Int, _ patience: SinkPatience) -> Int? {
        guard var file else { return nil }
        var count = lines.count - first
        if let size = file.size {
            count = lines.count(from: first, within: maximumBytes - size)
            if count == 0 {
                if size > 0 { return rotate() ? 0 : nil }
                // A single line that is larger than a file may be has one for itself.
                count = 1
            }
        }
        let some = lines.part(first..<(first + count))
        let written = file.output.write(some, patience)
        if file.size != nil { file.size = size(of: file.output.descriptor) }
        self.file = file
        return written == count ? count : nil
    }

    // MARK: The files

    private mutating func open() -> Bool {
        // Never waits for a reader of a pipe, and shows to nobody else what is logged.
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            _ = Glibc.close(descriptor)
            return false
        }
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        file = OpenFile(
            output: DescriptorOutput(descriptor, isWithinLine: isRegular && endsWithinLine(status.st_size)),
            size: isRegular ? Int(status.st_size) : nil,
            identity: FileID(status)
        )
        return true
    }

    /// Whoever wrote it before may not have come to the end of a line.
    private func endsWithinLine(_ size: off_t) -> Bool {
        guard size > 0 else { return false }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        var last: UInt8 = 0
        return pread(descriptor, &last, 1, size - 1) == 1 && last != UInt8(ascii: "\n")
    }

    /// Returns whether there is room now. Without it nothing more is written: the disk is not to fill up.
    private mutating func rotate() -> Bool {
        close()
        for number in stride(from: maximumFiles - 1, to: 1, by: -1) {
            rename("\(path).\(number - 1)", "\(path).\(number)")
        }
        let isMoved = maximumFiles > 1 ? rename(path, "\(path).1") == 0 : unlink(path) == 0
        return isMoved || errno == ENOENT
    }

    private var identityAtPath: FileID? {
        var status = stat()
        return stat(path, &status) == 0 ? FileID(status) : nil
    }

    private func size(of descriptor: Int32) -> Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }
}
