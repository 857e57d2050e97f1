import NIOCore
import Synchronization

/// Gathers an archive, which counts against the budget, and makes keys of it.
final class MemoryArchiveWriter: ArchiveWriter {
    private let backend: MemoryBackend
    private let path: WorkspacePath
    private let options: ExtractOptions
    private let gathered = Mutex<ByteBuffer?>(ByteBuffer())

    init(backend: MemoryBackend, path: WorkspacePath, options: ExtractOptions) {
        (self.backend, self.path, self.options) = (backend, path, options)
    }

    deinit {
        end()
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try gathered.withLock { gathered throws(BackendError) in
            try backend.checkNotDestroyed()
            guard let count = gathered?.readableBytes else { throw .archiveIsDone }
            let sum = count + bytes.readableBytes
            try backend.archiveLimits.check(sent: UInt64(sum))
            try backend.check(sum, path)
            try backend.storage.budget.change(from: count, to: sum)
            gathered?.writeImmutableBuffer(bytes)
        }
    }

    @concurrent
    func commit() async throws(BackendError) -> ExtractResult {
        guard let archive = gathered.withLock({ $0 }) else { throw .archiveIsDone }
        let source = MemoryArchiveSource(bytes: archive)
        let check = try ArchiveDecoder(source, backend.archiveLimits)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        while let entry = try check.next() {
            try refuse(entry)
            while !check.isPlain, try check.read(into: scratch) > 0 { try Self.checkNotCancelled(entry) }
        }
        var result = ExtractResult()
        let decoder = try ArchiveDecoder(source, backend.archiveLimits)
        while let entry = try decoder.next() {
            do throws(BackendError) {
                try make(entry, decoder, &result)
            } catch {
                throw error.afterExtracting(result)
            }
        }
        end()
        return result
    }

    func abort() async {
        end()
    }

    private func end() {
        let bytes = gathered.withLock { gathered in
            defer { gathered = nil }
            return gathered?.readableBytes ?? 0
        }
        backend.storage.budget.release(bytes)
    }

    private func refuse(_ entry: ArchivedEntry) throws(BackendError) {
        guard case .link = entry.content else { return }
        throw BackendError(
            .notImplemented,
            message: "\(entry.path) in the archive is a symbolic link, which a memory backend has none of: nothing was "
                + "extracted"
        )
    }

    private func make(
        _ entry: ArchivedEntry,
        _ decoder: ArchiveDecoder,
        _ result: inout ExtractResult
    ) throws(BackendError) {
        try Self.checkNotCancelled(entry)
        let mode: WriteOptions.Mode = options.replacesExisting ? .replace : .createOnly
        let key = path.appending(entry.path)
        switch entry.content {
        case .directory:
            result.directories += 1
        case .file(let size):
            let info = try put(key, size, WriteOptions(mode: mode, permissions: entry.permissions), decoder)
            if info.permissions != entry.permissions { _ = try backend.changePermissions(key, to: entry.permissions) }
            result.files += 1
            result.bytes += size
        case .hardLink(let target):
            let copy = CopyOptions(replacesExisting: options.replacesExisting)
            let source = path.appending(target)
            if source != key { _ = try backend.duplicate(source, to: key, options: copy) }
            result.links += 1
        case .link: try refuse(entry)
        }
    }

    /// What a key is to hold counts against the budget before there is any of it.
    private func put(
        _ key: WorkspacePath,
        _ size: UInt64,
        _ options: WriteOptions,
        _ decoder: ArchiveDecoder
    ) throws(BackendError) -> FileInfo {
        let count = Int(clamping: size)
        try backend.check(count, key)
        try backend.storage.budget.change(from: 0, to: count)
        do throws(BackendError) {
            return try backend.put(key, try decoder.contents(of: key, count), options: options, reserved: count)
        } catch {
            backend.storage.budget.release(count)
            throw error
        }
    }

    private static func checkNotCancelled(_ entry: ArchivedEntry) throws(BackendError) {
        guard Task.isCancelled else { return }
        throw BackendError(.cancelled, message: "the call was cancelled at the archive's \(entry.path)")
    }
}

private struct MemoryArchiveSource: ArchiveSource {
    let bytes: ByteBuffer

    var count: UInt64 { UInt64(bytes.readableBytes) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(BackendError) -> Int {
        let rest = bytes.readableBytesView.dropFirst(Int(offset)).prefix(buffer.count)
        buffer.copyBytes(from: rest)
        return rest.count
    }
}

extension ArchiveDecoder {
    fileprivate func contents(of path: WorkspacePath, _ count: Int) throws(BackendError) -> ByteBuffer {
        var contents = ByteBuffer()
        while contents.readableBytes < count {
            var piece = try readPiece(upTo: min(count - contents.readableBytes, 1 << 20))
            guard piece.readableBytes > 0 else { throw .damagedArchive("\(path) is shorter than it says") }
            contents.writeBuffer(&piece)
        }
        return contents
    }
}
