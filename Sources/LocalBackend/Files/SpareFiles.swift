internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore
internal import Synchronization

/// Small files that writes have displaced, kept out of sight for the next writes to use again: to make a file and to
/// remove another takes most of the time of a small write, and much more where the file system searches for a number
/// that it has not given out lately. Safe to use from any thread.
///
/// One is used again only by the scope that displaced it. A command may hold a descriptor of it that says nothing of
/// what it is used for (`O_PATH`), and what that leads to must be what the command could reach anyway. Whoever has it
/// open to read or write, or mapped, keeps the version that it has: see `linux_is_exclusive`.
final class SpareFiles: Sendable {
    static let maximumCount = 2
    /// Larger files are rather removed: what is kept takes room on the disk.
    static let maximumBytes = 64 << 10

    private let directory: TemporaryFileDirectory
    private let owner: (uid: uid_t, gid: gid_t)
    private let state = Mutex(State())

    private struct State {
        var files: [Spare] = []
        var isClosed = false
    }

    private struct Spare {
        let name: [UInt8]
        let scope: WorkspacePath
    }

    /// - Parameter identity: Who writes. What belongs to others is not used again.
    init(in directory: TemporaryFileDirectory, of identity: HostIdentity?) {
        self.directory = directory
        owner = identity.map { ($0.uid, $0.gid) } ?? (geteuid(), getegid())
    }

    /// Keeps what has the name `name` in the directory, or removes it, or an older one.
    func keep(_ name: [UInt8], of scope: WorkspacePath) {
        let removed = state.withLock { state -> [UInt8]? in
            guard !state.isClosed else { return name }
            state.files.append(Spare(name: name, scope: scope))
            return state.files.count > Self.maximumCount ? state.files.removeFirst().name : nil
        }
        if let removed { remove([removed]) }
    }

    /// One that nobody else can read or write, whatever it holds, and how many bytes that is; nil: there is none.
    func take(for scope: WorkspacePath) throws(DirectoryAccess.Failure) -> (file: TemporaryFile, size: UInt64)? {
        let name = state.withLock { state -> [UInt8]? in
            guard let index = state.files.lastIndex(where: { $0.scope == scope }) else { return nil }
            return state.files.remove(at: index).name
        }
        guard let name else { return nil }
        let directory = try directory.root.descriptor()
        do throws(DirectoryAccess.Failure) {
            let descriptor = try directory.open(name, flags: O_RDWR | O_NONBLOCK)
            // From here on it is removed if it is not used.
            let file = TemporaryFile(descriptor: descriptor, directory: directory, name: name)
            let status = try descriptor.status()
            guard status.kind == .regular, status.st_nlink == 1, (status.st_uid, status.st_gid) == owner,
                linux_is_exclusive(descriptor.number)
            else { return nil }
            return (file, UInt64(clamping: status.st_size))
        } catch {
            remove([name])
            return nil
        }
    }

    /// Removes them all, and keeps none any more.
    func close() {
        let files = state.withLock { state in
            defer { state.files = [] }
            state.isClosed = true
            return state.files
        }
        remove(files.map(\.name))
    }

    private func remove(_ names: [[UInt8]]) {
        guard !names.isEmpty, let directory = try? directory.root.descriptor() else { return }
        for name in names { _ = name.withCString { unlinkat(directory.number, $0, 0) } }
    }
}

extension LocalFiles {
    /// A file that nobody sees yet with these bytes.
    func makeTemporaryFile(of bytes: ByteBuffer) throws(DirectoryAccess.Failure) -> TemporaryFile {
        let count = UInt64(bytes.readableBytes)
        guard count <= SpareFiles.maximumBytes, let (file, size) = try spares.take(for: scope) else {
            let file = try makeTemporaryFile()
            try write(bytes, to: file, at: 0)
            return file
        }
        try write(bytes, to: file, at: 0)
        if size > count, ftruncate(file.descriptor.number, off_t(count)) != 0 { throw .errno(errno) }
        return file
    }
}
