internal import AgentBackend
internal import CLinux
internal import Glibc

extension FileInfo {
    init(_ status: Glibc.stat) {
        self.init(
            kind: status.kind,
            size: UInt64(clamping: status.st_size),
            modifiedNanoseconds: status.st_mtim.nanoseconds,
            permissions: status.st_mode & 0o7777,
            etag: status.etag
        )
    }
}

extension Glibc.stat {
    /// Of an open descriptor.
    init(of descriptor: Int32) throws(DirectoryAccess.Failure) {
        self.init()
        guard fstat(descriptor, &self) == 0 else { throw .errno(errno) }
    }

    var kind: FileInfo.Kind? {
        switch st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        case S_IFCHR: .characterDevice
        case S_IFBLK: .blockDevice
        default: nil
        }
    }

    /// Of a regular file: the version that this is the status of. Mixed from what tells versions apart: a change in one
    /// of these alone always gives another.
    ///
    /// The time of the last change of status is among them, which no command can set: it tells of one that wrote to the
    /// file and put back the time of its last modification. The device is not: it may have another number when it is
    /// mounted again, and the versions that clients remember outlive that.
    ///
    /// What has no name any more, but was opened before, is of no version that any file can have: another one may get its
    /// inode within the same tick of the clock.
    var etag: Etag? {
        guard kind == .regular else { return nil }
        let inode = st_nlink > 0 ? UInt64(st_ino) : ~UInt64(st_ino)
        let words = (
            inode, UInt64(bitPattern: Int64(st_size)), UInt64(bitPattern: st_mtim.nanoseconds),
            UInt64(bitPattern: st_ctim.nanoseconds)
        )
        return Etag(Self.mix(words, from: 0x9e37_79b9_7f4a_7c15), Self.mix(words, from: 0xd1b5_4a32_d192_ed03))
    }

    /// Whether these are two of one version, of which the first may have been renamed meanwhile. That changes the time
    /// of the last change of status, and nothing else.
    func isVersion(of earlier: Glibc.stat) -> Bool {
        kind == .regular && st_ino == earlier.st_ino && st_size == earlier.st_size
            && st_mtim.nanoseconds == earlier.st_mtim.nanoseconds
    }

    /// Each step maps different values to different ones.
    private static func mix(_ words: (UInt64, UInt64, UInt64, UInt64), from start: UInt64) -> UInt64 {
        func step(_ state: UInt64, _ word: UInt64) -> UInt64 {
            var mixed = (state ^ word) &* 0xff51_afd7_ed55_8ccd
            mixed = (mixed ^ (mixed >> 32)) &* 0xc4ce_b9fe_1a85_ec53
            return mixed ^ (mixed >> 29)
        }
        return step(step(step(step(start, words.0), words.1), words.2), words.3)
    }
}

extension FileDescriptorHandle {
    func status() throws(DirectoryAccess.Failure) -> Glibc.stat { try Glibc.stat(of: number) }

    /// Of `name` in this directory; a symbolic link is not followed. Nil: there is none.
    func status(of name: [UInt8]) throws(DirectoryAccess.Failure) -> Glibc.stat? {
        var status = Glibc.stat()
        if name.withCString({ fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return status }
        guard errno == ENOENT else { throw .errno(errno) }
        return nil
    }

    /// Sets the time of the last modification. Open as a path is enough.
    func setModified(_ time: timespec) throws(DirectoryAccess.Failure) {
        let result = withUnsafePointer(to: time) { linux_set_modified(number, $0) }
        guard result == 0 else { throw .errno(-result) }
    }

    /// Gives it permission bits, whatever the umask is. A directory keeps what it has from the one that it is in: the
    /// group of what is made in there.
    func setPermissions(_ bits: mode_t) throws(DirectoryAccess.Failure) {
        let status = try status()
        let inherited = status.kind == .directory ? status.st_mode & S_ISGID : 0
        guard fchmod(number, bits & 0o7777 | inherited) == 0 else { throw .errno(errno) }
    }
}
