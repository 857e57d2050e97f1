internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

/// What a file holds, once more.
extension LocalFiles {
    /// A temporary file with what `source` held when `status` was taken, as far as it is still there. Shares it with the
    /// source where the file system can; holes stay holes.
    ///
    /// - Parameter old: What it will replace.
    func duplicate(
        _ source: FileDescriptorHandle,
        _ status: Glibc.stat,
        replacing old: Glibc.stat?
    ) throws(DirectoryAccess.Failure) -> TemporaryFile {
        let size = UInt64(clamping: status.st_size)
        try check(size: size)
        let needed = UsageAmount(bytes: min(status.allocatedBytes, UsageAmount.allocated(size)), inodes: 1)
        let file = try makeTemporaryFile(keeping: needed) { () in old.map { UsageAmount($0) } ?? UsageAmount() }
        if linux_clone_file(file.descriptor.number, source.number) == 0 {
            // It may have grown since.
            try check(size: UInt64(clamping: try file.descriptor.status().st_size))
            return file
        }
        var way = CopyWay.inKernel
        var offset: UInt64 = 0
        while offset < size, let data = try source.nextData(at: offset) {
            let end = min(try source.nextHole(at: data), size)
            offset = data
            while offset < end {
                try cancellation.check()
                let count = Int(min(end - offset, Self.copyPiece))
                let copied = try source.copy(count, at: offset, to: file.descriptor, &way)
                // It became shorter.
                guard copied > 0 else { break }
                offset += UInt64(copied)
            }
            guard offset >= end else { break }
        }
        let remaining = min(size, UInt64(clamping: try source.status().st_size))
        guard ftruncate(file.descriptor.number, off_t(remaining)) == 0 else { throw .errno(errno) }
        return file
    }

    /// Bytes between two looks at the cancellation.
    private static let copyPiece: UInt64 = 8 << 20
}

private enum CopyWay {
    /// copy_file_range(2).
    case inKernel
    /// The file systems of the two cannot do that.
    case byHand
}

extension FileDescriptorHandle {
    /// Where the next bytes are that are no hole. Nil: there are none.
    fileprivate func nextData(at offset: UInt64) throws(DirectoryAccess.Failure) -> UInt64? {
        let found = linux_next_data(number, off_t(offset))
        switch Int32(min(0, found)) {
        case 0: return UInt64(found)
        case -ENXIO: return nil
        // The file system cannot tell.
        case -EINVAL: return offset
        case let failure: throw .errno(-failure)
        }
    }

    fileprivate func nextHole(at offset: UInt64) throws(DirectoryAccess.Failure) -> UInt64 {
        let found = linux_next_hole(number, off_t(offset))
        switch Int32(min(0, found)) {
        case 0: return UInt64(found)
        // It became shorter, or the file system cannot tell.
        case -ENXIO, -EINVAL: return .max
        case let failure: throw .errno(-failure)
        }
    }

    /// Copies at most `count` bytes to the same offset of another file. None: it ends here.
    fileprivate func copy(
        _ count: Int,
        at offset: UInt64,
        to target: FileDescriptorHandle,
        _ way: inout CopyWay
    ) throws(DirectoryAccess.Failure) -> Int {
        while case .inKernel = way {
            let copied = linux_copy_range(number, target.number, off_t(offset), count)
            switch Int32(clamping: copied) {
            case 1...: return copied
            case -EINTR: continue
            // Some file systems have none to copy this way, although there are some to read.
            case 0, -EXDEV, -EINVAL, -ENOSYS, -EOPNOTSUPP, -EPERM: way = .byHand
            case let failure: throw .errno(-failure)
            }
        }
        let piece = try read(upTo: min(count, Self.copyBuffer), at: offset)
        try target.write(piece, at: offset)
        return piece.readableBytes
    }

    /// Bytes of memory.
    private static let copyBuffer = 1 << 20
}
