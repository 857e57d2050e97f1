internal import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFiles {
    /// What the link holds is told by the true path of the directory that it is made in: one that was reached over links
    /// may lie deeper or higher than its name says. Where it leads once it is followed the kernel decides then.
    func symlink(_ path: WorkspacePath, to target: LinkTarget) throws(DirectoryAccess.Failure) {
        guard let (parent, name) = path.parentAndName else { throw .isRoot }
        for _ in 0..<Self.maximumRetries {
            do throws(DirectoryAccess.Failure) {
                let place = try access.resolve(parent, followLast: true)
                let text = try Self.text(of: target, in: place)
                _ = try openParentMakingIt(path)
                return try access.openPlainDirectory(place).makeLink(name, to: text, counting: access.usage)
            } catch .errno(let number) where number == ENOENT || number == ELOOP || number == EXDEV {
                // Something else took the place of a directory meanwhile, or it was removed.
                guard !access.root.isRemoved else { throw .errno(number) }
            }
        }
        throw .errno(EBUSY)
    }

    private static func text(
        of target: LinkTarget,
        in directory: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> [UInt8] {
        do throws(BackendError) {
            return try target.text(in: directory)
        } catch {
            throw error.code == .pathEscapeAttempt ? .leadsOutside(target) : .errno(ENAMETOOLONG)
        }
    }
}

extension DirectoryAccess {
    /// A directory that no link leads to; openat2(2), `RESOLVE_NO_SYMLINKS`.
    func openPlainDirectory(_ path: WorkspacePath) throws(Failure) -> FileDescriptorHandle {
        let flags = linux_o_path | linux_o_directory
        let descriptor = openBeneath(path, flags: flags, resolve: Self.resolvePlain)
        guard descriptor >= 0 else { throw failure(descriptor) }
        return FileDescriptorHandle(owning: descriptor)
    }
}
