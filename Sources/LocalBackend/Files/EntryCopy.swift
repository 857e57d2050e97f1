internal import AgentBackend
internal import CLinux
internal import Glibc

/// Copies of what is in a directory to the same name in another. What is in the way is replaced where it is a file or a
/// link; a link itself, wherever it leads.
extension LocalFiles {
    /// Returns how many bytes the copy has.
    func copyFile(
        _ name: [UInt8],
        from source: FileDescriptorHandle,
        to target: FileDescriptorHandle,
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> UInt64 {
        let from = try source.open(name, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
        let status = try from.status()
        guard status.kind == .regular else { throw .errno(ENXIO) }
        // Before any work is done for it.
        let old = try target.replaceable(name, options)
        let file = try duplicate(from, status, replacing: old)
        for _ in 0..<Self.maximumRetries {
            let place = WritePlace(parent: target, name: name, old: try target.replaceable(name, options))
            if let info = try commit(file, to: place, WriteOptions(), permissions: status.st_mode) { return info.size }
        }
        throw .errno(EBUSY)
    }

    func copyLink(
        _ name: [UInt8],
        from source: FileDescriptorHandle,
        to target: FileDescriptorHandle,
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) {
        let text = try source.open(name, flags: Int32(linux_o_path)).readLink()
        try makeLink(name, to: text, in: target, options)
    }

    func makeLink(
        _ name: [UInt8],
        to text: [UInt8],
        in target: FileDescriptorHandle,
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            try target.makeLink(name, to: text, counting: access.usage)
        } catch .errno(EEXIST) {
            _ = try target.replaceable(name, options)
            let link = try makeTemporaryLink(to: text)
            try target.withLock(of: name) { () throws(DirectoryAccess.Failure) in
                try access.usage.change { change throws(DirectoryAccess.Failure) in
                    let old = try target.status(of: name)
                    try link.moveOver(name, in: target)
                    // There may have been nothing any more; where that passes the limit, it is by one.
                    change.files += 1
                    if let old { change.remove(old) }
                }
            }
        }
    }
}

extension FileDescriptorHandle {
    /// What a copy would replace in this directory. Nil: there is nothing.
    func replaceable(
        _ name: [UInt8],
        _ options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> Glibc.stat? {
        guard let old = try status(of: name) else { return nil }
        guard options.replacesExisting else { throw .errno(EEXIST) }
        switch old.kind {
        case .regular: try checkWritable(name)
        case .symbolicLink: break
        case .directory: throw .errno(EISDIR)
        default: throw .errno(ENXIO)
        }
        return old
    }
}
