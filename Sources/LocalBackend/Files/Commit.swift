internal import AgentBackend
internal import Glibc

/// Gives what was written out of sight its place. All in this process that change what has a name take turns, so that
/// of two that expect the same version one succeeds. What commands do meanwhile is found out when it is exchanged.
extension LocalFiles {
    /// Gives a file that was written its place. `EEXIST` in mode `createOnly` where there is anything.
    ///
    /// - Parameter permissions: Of the file. Nil: of what it replaces, or those of the options.
    func commit(
        _ file: TemporaryFile,
        to path: WorkspacePath,
        options: WriteOptions,
        permissions: mode_t? = nil
    ) throws(DirectoryAccess.Failure) -> FileInfo {
        // What stands at the path may change between looking and acting; each change is looked at again.
        for _ in 0..<Self.maximumRetries {
            let place = try place(of: path, options)
            if let info = try commit(file, to: place, options, permissions: permissions) { return info }
        }
        throw .errno(EBUSY)
    }

    /// The same at a place that was looked at. Nil: something else is there by now, or nothing.
    func commit(
        _ file: TemporaryFile,
        to place: WritePlace,
        _ options: WriteOptions,
        permissions: mode_t? = nil
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        try place.withLock { () throws(DirectoryAccess.Failure) in
            if options.mode == .append, place.old != nil {
                guard let info = try append(file, to: place, options) else { return nil }
                file.remove()
                return info
            }
            // Before anything takes effect: it may be refused.
            try file.room?.confirm { () throws(DirectoryAccess.Failure) in
                try place.parent.status(of: place.name).map { UsageAmount($0) } ?? UsageAmount()
            }
            let synced = options.durability == .full ? try place.parent.openToSync() : nil
            let permissions = permissions ?? place.old?.st_mode ?? options.permissions
            let written = try file.finish(permissions: permissions, options.durability)
            let isMoved = try access.usage.change(from: file.room) {
                change throws(DirectoryAccess.Failure) in
                guard let moved = try move(file, to: place, expecting: options.expectedEtag) else { return false }
                change.add(written)
                if let replaced = moved.replaced { change.remove(replaced) }
                return true
            }
            guard isMoved else { return nil }
            let info = try file.info(asWritten: written)
            if let synced, fsync(synced.number) != 0 { throw .refused(.tookPlaceUnsynced(errno: errno)) }
            return info
        }
    }

    /// Nil: something else is there by now, or nothing.
    private func move(
        _ file: TemporaryFile,
        to place: WritePlace,
        expecting etag: Etag?
    ) throws(DirectoryAccess.Failure) -> Moved? {
        if let old = place.old {
            guard old.kind == .regular else {
                let old = try place.parent.status(of: place.name)
                try file.moveOver(place.name, in: place.parent)
                return Moved(replaced: old)
            }
            try place.check(etag)
            return try file.replace(place.name, in: place.parent, expecting: etag == nil ? nil : old)
                .map { Moved(replaced: $0) }
        }
        do throws(DirectoryAccess.Failure) {
            try file.move(to: place.name, in: place.parent)
            return Moved(replaced: nil)
        } catch .errno(EEXIST) {
            return nil
        } catch .errno(ENOENT) where !access.root.isRemoved {
            return nil
        }
    }
}

extension BackendError {
    /// Nothing that was written can be committed again: it is there.
    fileprivate static func tookPlaceUnsynced(errno number: Int32) -> BackendError {
        BackendError(
            .writeFailed,
            reason: .io,
            systemErrno: number,
            message: "the file took its place, but is not known to be on the disk: the system reports: "
                + "\(String(cString: strerror(number))); write it again",
            maybeExecuted: true
        )
    }
}

/// A file took its place.
private struct Moved {
    /// What was there before. Nil: nothing.
    var replaced: Glibc.stat?
}

extension TemporaryFile {
    /// Makes it what it is to be, but for its place.
    fileprivate func finish(
        permissions: mode_t,
        _ durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) -> Glibc.stat {
        try descriptor.setModified(Generation.next())
        let written = try descriptor.status()
        if (written.st_mode ^ permissions) & 0o777 != 0, fchmod(descriptor.number, permissions & 0o777) != 0 {
            throw .errno(errno)
        }
        let result: Int32 =
            switch durability {
            case .none: 0
            case .data: fdatasync(descriptor.number)
            case .full: fsync(descriptor.number)
            }
        guard result == 0 else { throw .errno(errno) }
        return written
    }

    /// What is in its place now, which changed the time of its last change of status and with it the etag.
    fileprivate func info(asWritten written: Glibc.stat) throws(DirectoryAccess.Failure) -> FileInfo {
        var status = try descriptor.status()
        if !status.isVersion(of: written) {
            // A command has written to it since. The caller must not take that for what it wrote itself: it is told of
            // its own version, which is there no more.
            (status.st_size, status.st_mtim) = (written.st_size, written.st_mtim)
        }
        return FileInfo(status)
    }
}

extension FileDescriptorHandle {
    /// The same directory, open in a way that it can be synced: one that is open as a path cannot.
    fileprivate func openToSync() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let descriptor = openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .errno(errno) }
        return FileDescriptorHandle(owning: descriptor)
    }
}
