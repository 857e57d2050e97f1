internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// Where files are written before they take their place: on the same file system, outside every workspace. Backends of
/// one user may share it. Safe to use from any thread.
package final class TemporaryFileDirectory: Sendable {
    let root: RootDirectory
    /// Differs between all that use the directory, in this process and others.
    private let prefix = "w-\(String(UInt64.random(in: .min ... .max), radix: 36))-"
    private let lastName = Atomic<UInt64>(0)

    /// `path`: an existing directory of the host.
    package init(path: String, in directories: OpenDirectoryCache) {
        root = RootDirectory(.host(path: path), in: directories)
    }

    /// Another one each time.
    fileprivate func makeName() -> [UInt8] {
        Array((prefix + String(lastName.add(1, ordering: .relaxed).newValue, radix: 36)).utf8)
    }
}

/// A file that is written where nobody sees it, until it takes its place. Removed when it is let go of before that.
final class TemporaryFile: Sendable {
    let descriptor: FileDescriptorHandle
    /// What is kept for it. Nil: nobody counts.
    let room: UsageReservation?
    private let directory: FileDescriptorHandle
    private let name: [UInt8]
    /// Its name in the directory is not its own any more.
    private let isGone = Atomic<Bool>(false)

    fileprivate init(
        descriptor: FileDescriptorHandle,
        room: UsageReservation?,
        directory: FileDescriptorHandle,
        name: [UInt8]
    ) {
        self.descriptor = descriptor
        self.room = room
        self.directory = directory
        self.name = name
    }

    deinit {
        remove()
    }

    /// Idempotent, and nothing once it took its place.
    func remove() {
        guard !isGone.exchange(true, ordering: .relaxed) else { return }
        _ = name.withCString { unlinkat(directory.number, $0, 0) }
    }

    /// Throws `EEXIST` where there is a file of that name.
    func move(to newName: [UInt8], in parent: FileDescriptorHandle) throws(DirectoryAccess.Failure) {
        try rename(linux_rename_noreplace, newName, in: parent)
        isGone.store(true, ordering: .relaxed)
    }

    /// Takes the place of a file or link; what it is does not matter, a directory is `EISDIR`.
    func moveOver(_ newName: [UInt8], in parent: FileDescriptorHandle) throws(DirectoryAccess.Failure) {
        try rename(linux_rename, newName, in: parent)
        isGone.store(true, ordering: .relaxed)
    }

    /// Swaps the file with the one that it replaces and removes that: ext4 writes a file to disk at once that is
    /// renamed over another, but not one that is exchanged. Returns what was replaced. Nil: what was there is no regular
    /// file any more, or not of the version that is expected, and is back; or nothing was there.
    ///
    /// A command that reads the file in the moment between sees what is taken back.
    func replace(
        _ oldName: [UInt8],
        in parent: FileDescriptorHandle,
        expecting version: Glibc.stat? = nil
    ) throws(DirectoryAccess.Failure) -> Glibc.stat? {
        do throws(DirectoryAccess.Failure) {
            try rename(linux_rename_exchange, oldName, in: parent)
        } catch .errno(ENOENT) {
            return nil
        }
        guard let displaced = try directory.status(of: name) else { throw .errno(EIO) }
        let isExpected = version.map { displaced.isVersion(of: $0) } ?? (displaced.kind == .regular)
        guard isExpected else {
            try giveBack(oldName, in: parent, isFile: displaced.kind == .regular)
            return nil
        }
        remove()
        return displaced
    }

    /// Something that was not to be replaced was exchanged, and may be a directory full of files: puts it back in its
    /// place, against whoever works there at the same time. Returns where this file is as before; throws `EBUSY` where
    /// it is lost.
    func giveBack(
        _ oldName: [UInt8],
        in parent: FileDescriptorHandle,
        isFile: Bool
    ) throws(DirectoryAccess.Failure) {
        let own = try descriptor.status().st_ino
        // What somebody has put in the place of this file since is newer than a file that it replaces as well.
        var keepsNewer = isFile
        for _ in 0..<Self.maximumRetries {
            guard try putBack(oldName, in: parent) else { continue }
            guard let other = try directory.status(of: name), other.st_ino != own else { return }
            // This will be removed. A directory never is: that goes back once more.
            if !keepsNewer, other.kind != .directory { break }
            keepsNewer = false
        }
        throw .errno(EBUSY)
    }

    /// False: try again.
    private func putBack(_ oldName: [UInt8], in parent: FileDescriptorHandle) throws(DirectoryAccess.Failure) -> Bool {
        do throws(DirectoryAccess.Failure) {
            try rename(linux_rename_exchange, oldName, in: parent)
            return true
        } catch .errno(ENOENT) {
        }
        // Somebody has removed this file from there: it is lost, and what it stood for is put in its place.
        do throws(DirectoryAccess.Failure) {
            try rename(linux_rename_noreplace, oldName, in: parent)
        } catch .errno(EEXIST) {
            return false
        }
        isGone.store(true, ordering: .relaxed)
        throw .errno(EBUSY)
    }

    private func rename(
        _ call: (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>) -> Int32,
        _ newName: [UInt8],
        in parent: FileDescriptorHandle
    ) throws(DirectoryAccess.Failure) {
        let result = name.withCString { from in
            newName.withCString { call(directory.number, from, parent.number, $0) }
        }
        guard result == 0 else { throw .errno(-result) }
    }

    private static let maximumRetries = 64
}

extension LocalFiles {
    /// `permissions`: what it will probably have in its place; nobody else reaches it before.
    ///
    /// - Parameters:
    ///   - amount: Room that is kept for it.
    ///   - replaced: What it will take the place of, which gives room too: asked where there is not enough.
    func makeTemporaryFile(
        permissions: mode_t = 0o600,
        keeping amount: UsageAmount = UsageAmount(),
        replacing replaced: () -> UsageAmount = { UsageAmount() }
    ) throws(DirectoryAccess.Failure) -> TemporaryFile {
        let room = try access.usage.map { usage throws(DirectoryAccess.Failure) in
            try usage.reserve(amount, replacing: replaced)
        }
        return try makeTemporary(room) { directory, name throws(DirectoryAccess.Failure) in
            try directory.open(name, flags: O_RDWR | O_CREAT | O_EXCL, mode: permissions & 0o777)
        }
    }

    /// A symbolic link that takes its place like a file.
    func makeTemporaryLink(to target: [UInt8]) throws(DirectoryAccess.Failure) -> TemporaryFile {
        try makeTemporary { directory, name throws(DirectoryAccess.Failure) in
            try directory.makeLink(name, to: target)
            return try directory.open(name, flags: Int32(linux_o_path))
        }
    }

    private func makeTemporary(
        _ room: UsageReservation? = nil,
        _ make: (FileDescriptorHandle, [UInt8]) throws(DirectoryAccess.Failure) -> FileDescriptorHandle
    ) throws(DirectoryAccess.Failure) -> TemporaryFile {
        let directory = try temporary.root.descriptor()
        while true {
            let name = temporary.makeName()
            do throws(DirectoryAccess.Failure) {
                return TemporaryFile(
                    descriptor: try make(directory, name),
                    room: room,
                    directory: directory,
                    name: name
                )
            } catch .errno(EEXIST) {
            }
        }
    }
}

extension FileDescriptorHandle {
    /// Makes a symbolic link that counts.
    func makeLink(
        _ name: [UInt8],
        to target: [UInt8],
        counting usage: WorkspaceUsage?
    ) throws(DirectoryAccess.Failure) {
        guard let usage else { return try makeLink(name, to: target) }
        let room = try usage.reserve(UsageAmount(inodes: 1))
        try withLock(of: name) { () throws(DirectoryAccess.Failure) in
            try usage.change(room) { change throws(DirectoryAccess.Failure) in
                try makeLink(name, to: target)
                change.files += 1
            }
        }
    }

    /// Makes a symbolic link in this directory.
    func makeLink(_ name: [UInt8], to target: [UInt8]) throws(DirectoryAccess.Failure) {
        let result = name.withCString { name in target.withCString { symlinkat($0, number, name) } }
        guard result == 0 else { throw .errno(errno) }
    }
}
