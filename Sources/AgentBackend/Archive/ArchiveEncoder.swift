internal import CArchive
internal import Glibc
package import NIOCore

/// Makes a tar archive in memory, entry by entry; what is made is to be taken away as it grows. Of the pax format: names
/// of any length and bytes, times to the nanosecond. The same entries give the same bytes.
///
/// `@unchecked Sendable`: its reader keeps it behind a lock, or takes it out of that for a turn and puts it back, so that one
/// thread has it at a time.
package final class ArchiveEncoder: @unchecked Sendable {
    private let archive: OpaquePointer
    private let entry: OpaquePointer
    private let output = Output()

    private final class Output {
        var bytes = ByteBuffer()
    }

    package init(_ compression: ArchiveOptions.Compression) throws(BackendError) {
        guard let archive = archive_write_new() else { throw Self.noMemory }
        guard let entry = archive_entry_new() else {
            archive_write_free(archive)
            throw Self.noMemory
        }
        self.archive = archive
        self.entry = entry
        try ArchiveLocale.with { () throws(BackendError) in
            try check(archive_write_set_format_pax(archive))
            switch compression {
            case .none: break
            case .gzip:
                try check(archive_write_add_filter_gzip(archive))
                // Else it holds the time at which it was made.
                try check(archive_write_set_filter_option(archive, "gzip", "timestamp", nil))
            case .zstd: try check(archive_write_add_filter_zstd(archive))
            }
            try check(archive_write_set_bytes_per_block(archive, Self.blockLength))
            try check(archive_write_set_bytes_in_last_block(archive, 1))
            let write: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeRawPointer?, Int) -> Int = {
                _,
                output,
                start,
                count in
                guard let output else { return -1 }
                let bytes = UnsafeRawBufferPointer(start: start, count: count)
                Unmanaged<Output>.fromOpaque(output).takeUnretainedValue().bytes.writeBytes(bytes)
                return count
            }
            try check(archive_write_open(archive, Unmanaged.passUnretained(output).toOpaque(), nil, write, nil))
        }
    }

    deinit {
        // What was not finished is not worth to be ended well.
        archive_write_fail(archive)
        archive_write_free(archive)
        archive_entry_free(entry)
    }

    /// Bytes that were made and not taken.
    package var count: Int { output.bytes.readableBytes }

    /// Takes at most so many bytes of what was made.
    package func take(upTo count: Int) -> ByteBuffer? {
        guard let piece = output.bytes.readSlice(length: min(count, self.count)), piece.readableBytes > 0 else {
            return nil
        }
        output.bytes.discardReadBytes()
        return piece
    }

    /// Begins an entry, and ends the one before: a file that got less than was announced is filled up with zeros.
    package func begin(_ given: ArchivedEntry) throws(BackendError) {
        try ArchiveLocale.with { () throws(BackendError) in
            archive_entry_clear(entry)
            let isDirectory = if case .directory = given.content { true } else { false }
            let path = given.path.bytes + (isDirectory ? [UInt8(ascii: "/")] : [])
            Self.withCString(path) { archive_entry_set_pathname(entry, $0) }
            switch given.content {
            case .directory:
                archive_entry_set_filetype(entry, S_IFDIR)
            case .file(let size):
                archive_entry_set_filetype(entry, S_IFREG)
                archive_entry_set_size(entry, Int64(clamping: size))
            case .link(let text):
                archive_entry_set_filetype(entry, S_IFLNK)
                Self.withCString(text) { archive_entry_set_symlink(entry, $0) }
            case .hardLink(let target):
                Self.withCString(target.bytes) { archive_entry_set_hardlink(entry, $0) }
            }
            archive_entry_set_perm(entry, given.permissions)
            let (seconds, rest) = Int(given.modifiedNanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
            archive_entry_set_mtime(entry, rest < 0 ? seconds - 1 : seconds, rest < 0 ? rest + 1_000_000_000 : rest)
            // A warning is about a name that is no UTF-8: it is written byte by byte.
            let result = archive_write_header(archive, entry)
            if result != ARCHIVE_WARNS { try check(result) }
        }
    }

    /// Adds to the file that was begun. What is over its size is dropped.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(BackendError) {
        guard archive_write_data(archive, bytes.baseAddress, bytes.count) >= 0 else { throw failure }
    }

    /// There are no more entries.
    package func finish() throws(BackendError) {
        try ArchiveLocale.with { () throws(BackendError) in try check(archive_write_close(archive)) }
    }

    private static func withCString(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Void) {
        (bytes + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { if let start = $0.baseAddress { body(start) } }
        }
    }

    private func check(_ result: Int32) throws(BackendError) {
        guard result == ARCHIVE_IS_OK else { throw failure }
    }

    private var failure: BackendError {
        let fault = archive_error_string(archive).map { String(cString: $0) } ?? "unknown"
        return BackendError(.internal, message: "the archive could not be made: \(fault)")
    }

    private static var noMemory: BackendError {
        BackendError(.internal, message: "the archive could not be made: no memory is left; try again")
    }

    private static let blockLength: Int32 = 64 << 10
}
