internal import CArchive
internal import Glibc
package import NIOCore

/// The bytes of an archive, wherever they are kept.
package protocol ArchiveSource: Sendable {
    var count: UInt64 { get }
    /// Reads into a buffer from an offset on. Returns how many bytes, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(BackendError) -> Int
}

/// Reads a tar archive, entry by entry, and refuses what has no place in a workspace. Plain, or compressed with gzip or
/// zstd, each at most once. Not with xz: libarchive bounds the memory for that in no way.
///
/// `@unchecked Sendable`: an extraction has it for itself, and its turns, which may be on different threads, come one after
/// the other, each awaited before the next begins.
package final class ArchiveDecoder: @unchecked Sendable {
    private let archive: OpaquePointer
    private let input: Input
    private let limits: ArchiveLimits
    private var entries: UInt64 = 0
    private var contentBytes: UInt64 = 0
    private var nameBytes = 0
    /// Of the file that was told of last.
    private var rest: UInt64 = 0
    private var isInLastHole = false
    /// Hashes of the paths of the symbolic links that were met: where two are the same, an entry is refused that need not
    /// be, and none is let through.
    private var links: Set<Int> = []

    private final class Input {
        let source: any ArchiveSource
        var offset: UInt64 = 0
        var failure: BackendError?
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

        init(_ source: any ArchiveSource) {
            self.source = source
        }

        deinit { buffer.deallocate() }

        func read() -> Int {
            do throws(BackendError) {
                let count = try source.read(into: buffer, at: offset)
                offset += UInt64(count)
                return count
            } catch {
                failure = error
                return -1
            }
        }

        func skip(_ count: Int64) -> Int64 {
            let skipped = min(UInt64(clamping: count), source.count - min(source.count, offset))
            offset += skipped
            return Int64(clamping: skipped)
        }
    }

    package init(_ source: any ArchiveSource, _ limits: ArchiveLimits) throws(BackendError) {
        guard let archive = archive_read_new() else {
            throw BackendError(.internal, message: "the archive could not be read: no memory is left; try again")
        }
        self.archive = archive
        self.limits = limits
        input = Input(source)
        let client = Unmanaged.passUnretained(input).toOpaque()
        let read:
            @convention(c) (
                OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
            ) -> Int = { _, client, start in
                guard let client else { return -1 }
                let input = Unmanaged<Input>.fromOpaque(client).takeUnretainedValue()
                start?.pointee = UnsafeRawPointer(input.buffer.baseAddress)
                return input.read()
            }
        let skip: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int64) -> Int64 = { _, client, count in
            client.map { Unmanaged<Input>.fromOpaque($0).takeUnretainedValue().skip(count) } ?? 0
        }
        try ArchiveLocale.with { () throws(BackendError) in
            try check(archive_read_support_format_tar(archive))
            try check(archive_read_support_filter_gzip(archive))
            try check(archive_read_support_filter_zstd(archive))
            try check(archive_read_set_read_callback(archive, read))
            try check(archive_read_set_skip_callback(archive, skip))
            try check(archive_read_set_callback_data(archive, client))
            try check(archive_read_open1(archive))
        }
    }

    deinit {
        archive_read_free(archive)
    }

    /// The next entry; nil: there are no more. The directory itself is passed over.
    package func next() throws(BackendError) -> ArchivedEntry? {
        try ArchiveLocale.with { () throws(BackendError) in
            while true {
                var entry: OpaquePointer?
                let result = archive_read_next_header(archive, &entry)
                if result == ARCHIVE_IS_AT_END { return nil }
                guard result == ARCHIVE_IS_OK || result == ARCHIVE_WARNS, let entry else { throw failure }
                // Each once: one in another is a bomb.
                guard archive_filter_count(archive) <= 2 else {
                    throw .damagedArchive("compressed more than once")
                }
                if let archived = try archived(entry, isExact: result == ARCHIVE_IS_OK) { return archived }
            }
        }
    }

    /// What nobody reads of a file is passed over in no time worth speaking of.
    package var isPlain: Bool { archive_filter_count(archive) <= 1 }

    /// Reads what comes next of the file that ``next()`` told of last; 0 at its end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(BackendError) -> Int {
        let count = isInLastHole ? 0 : archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw failure }
        try checkRatio()
        guard count == 0 else {
            rest -= min(rest, UInt64(count))
            return count
        }
        // libarchive ends a file before the hole at its end, and comes back to that when it is asked again.
        isInLastHole = true
        let hole = Int(min(rest, UInt64(buffer.count)))
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<hole]).initializeMemory(as: UInt8.self, repeating: 0)
        rest -= UInt64(hole)
        return hole
    }

    /// The same, in a buffer of its own; empty at the end.
    package func readPiece(upTo count: Int) throws(BackendError) -> ByteBuffer {
        var failure: BackendError?
        var piece = ByteBuffer()
        piece.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { buffer in
            do throws(BackendError) {
                return try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return piece
    }

    private func archived(_ entry: OpaquePointer, isExact: Bool) throws(BackendError) -> ArchivedEntry? {
        guard let name = Self.bytes(archive_entry_pathname(entry)) else { throw .damagedArchive("a name is missing") }
        let hardLink = Self.bytes(archive_entry_hardlink(entry))
        let link = Self.bytes(archive_entry_symlink(entry))
        // What libarchive puts for bytes that are no text.
        guard isExact || ![name, hardLink ?? [], link ?? []].contains(where: Self.isMangled) else {
            throw .refusedEntry(name, "has a name that is neither UTF-8 nor said to be bytes")
        }
        let kind = archive_entry_filetype(entry) & S_IFMT
        let size = UInt64(clamping: archive_entry_size(entry))
        (rest, isInLastHole) = (0, false)
        try count(name.count + (link ?? hardLink ?? []).count, kind == S_IFREG && hardLink == nil ? size : 0)
        guard let path = try WorkspacePath.ofArchived(name) else {
            guard kind == S_IFDIR else { throw .refusedEntry(name, "has no name of its own") }
            return nil
        }
        try checkIsBehindNoLink(path, name)
        let content: ArchivedEntry.Content
        if let hardLink {
            guard let target = try WorkspacePath.ofArchived(hardLink) else {
                throw .refusedEntry(name, "is a further name of the directory itself")
            }
            try checkIsBehindNoLink(target, name)
            content = .hardLink(target)
        } else {
            switch kind {
            case S_IFREG:
                content = .file(size: size)
                rest = size
            case S_IFDIR: content = .directory
            case S_IFLNK:
                content = .link(link ?? [])
                links.insert(path.hashValue)
            default: throw .refusedEntry(name, "is neither file, directory nor link", reason: .notRegular)
            }
        }
        return ArchivedEntry(
            path: path,
            content: content,
            permissions: UInt32(archive_entry_perm(entry)),
            modifiedNanoseconds: Self.nanoseconds(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry))
        )
    }

    /// Throws `RESOURCE_EXHAUSTED` where the entries so far are too much.
    private func count(_ name: Int, _ size: UInt64) throws(BackendError) {
        entries += 1
        nameBytes += name
        let (sum, overflow) = contentBytes.addingReportingOverflow(size)
        contentBytes = overflow ? .max : sum
        if entries > limits.maximumEntries {
            throw .archiveLimit("archive_entries", used: entries, allowed: limits.maximumEntries)
        }
        if contentBytes > limits.maximumContentBytes {
            throw .archiveLimit("archive_content_bytes", used: contentBytes, allowed: limits.maximumContentBytes)
        }
        if nameBytes > Self.maximumNameBytes {
            let used = UInt64(nameBytes)
            throw .archiveLimit("archive_name_bytes", used: used, allowed: UInt64(Self.maximumNameBytes))
        }
        try checkRatio()
    }

    private func checkRatio() throws(BackendError) {
        // The last filter counted from the source is 0: what came out of all of them.
        let (bytes, sent) = (UInt64(clamping: archive_filter_bytes(archive, 0)), max(1, input.offset))
        guard bytes > Self.freeBytes, bytes / sent > limits.maximumRatio else { return }
        throw .archiveLimit("archive_ratio", used: bytes / sent, allowed: limits.maximumRatio)
    }

    private func checkIsBehindNoLink(_ path: WorkspacePath, _ name: [UInt8]) throws(BackendError) {
        guard !links.isEmpty else { return }
        var above = path
        while let (parent, _) = above.parentAndName {
            if links.contains(parent.hashValue) {
                throw .refusedEntry(name, "lies behind a symbolic link of the archive", reason: .loop)
            }
            above = parent
        }
    }

    private func check(_ result: Int32) throws(BackendError) {
        guard result == ARCHIVE_IS_OK else { throw failure }
    }

    private var failure: BackendError {
        input.failure ?? .damagedArchive(archive_error_string(archive).map { String(cString: $0) } ?? "unknown")
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    private static func isMangled(_ name: [UInt8]) -> Bool {
        String(decoding: name, as: UTF8.self).unicodeScalars.contains("\u{fffd}")
    }

    private static func nanoseconds(_ seconds: Int, _ nanoseconds: Int) -> Int64 {
        let (product, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, tooLarge) = product.addingReportingOverflow(Int64(nanoseconds))
        return tooLarge ? .max : sum
    }

    /// Of all paths and links in one archive, whose hashes and directories are kept to its end.
    private static let maximumNameBytes = 64 << 20
    /// What an archive may become whatever its ratio: a small one of zeros is no bomb.
    private static let freeBytes: UInt64 = 64 << 20
}
