internal import AgentBackend
internal import CLinux
internal import Glibc

/// Symbolic links to `/workspace/…`. A command in a sandbox sees the root under that name and makes such links; for the
/// kernel they lead outside. They are followed here, name by name.
extension DirectoryAccess {
    /// The same file by a path without symbolic links. What does not exist yet is taken by its name.
    ///
    /// Names alone come out of this. Whoever uses them has the kernel check again that no link is among them.
    func resolve(_ path: WorkspacePath, followLast: Bool) throws(Failure) -> WorkspacePath {
        var resolved: [[UInt8]] = []
        // Nil: what was resolved does not exist.
        var place: FileDescriptorHandle? = root
        var pending = Array(path.bytes.split(separator: Self.slash).map(Array.init).reversed())
        var links = 0
        var steps = 0
        while let name = pending.popLast() {
            steps += 1
            guard steps <= Self.maximumSteps else { throw .errno(ELOOP) }
            if name == [Self.dot] { continue }
            if name == [Self.dot, Self.dot] {
                guard place != nil else { throw .errno(ENOENT) }
                guard resolved.popLast() != nil else { throw .escape }
                place = try openPlain(resolved)
                continue
            }
            guard let directory = place, !pending.isEmpty || followLast else {
                resolved.append(name)
                continue
            }
            switch try directory.lookUp(name) {
            case .nothing:
                place = nil
                resolved.append(name)
            case .other(let found):
                place = found
                resolved.append(name)
            case .link(let target):
                links += 1
                guard links <= Self.maximumLinks else { throw .errno(ELOOP) }
                var names = target.split(separator: Self.slash).map(Array.init)
                if target.first == Self.slash {
                    guard names.first == Self.rootName else { throw .escape }
                    names.removeFirst()
                    resolved.removeAll()
                    place = root
                }
                pending.append(contentsOf: names.reversed())
            }
        }
        return try Self.path(resolved)
    }

    private func openPlain(_ names: [[UInt8]]) throws(Failure) -> FileDescriptorHandle {
        let descriptor = openBeneath(try Self.path(names), flags: linux_o_path, resolve: Self.resolvePlain)
        guard descriptor >= 0 else { throw failure(descriptor) }
        return FileDescriptorHandle(owning: descriptor)
    }

    private static func path(_ names: [[UInt8]]) throws(Failure) -> WorkspacePath {
        do throws(BackendError) {
            return try WorkspacePath(joining: names)
        } catch {
            throw .errno(ENAMETOOLONG)
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
    private static let rootName = Array(WorkspacePath.rootName.utf8.dropFirst())
    /// As the kernel's; path_resolution(7).
    private static let maximumLinks = 40
    /// Names that are looked up, with those of all links.
    private static let maximumSteps = 4096
}

extension FileDescriptorHandle {
    fileprivate enum Found {
        case nothing
        case link(to: [UInt8])
        case other(FileDescriptorHandle)
    }

    fileprivate func lookUp(_ name: [UInt8]) throws(DirectoryAccess.Failure) -> Found {
        let found: FileDescriptorHandle
        do throws(DirectoryAccess.Failure) {
            found = try open(name, flags: Int32(linux_o_path))
        } catch .errno(ENOENT) {
            return .nothing
        }
        guard try found.status().st_mode & S_IFMT == S_IFLNK else { return .other(found) }
        return .link(to: try found.readLink())
    }

    /// What the symbolic link leads to that is open as a path.
    func readLink() throws(DirectoryAccess.Failure) -> [UInt8] {
        let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = max(0, readlinkat(number, "", UnsafeMutableRawPointer(start), buffer.count))
        }
        guard !target.isEmpty else { throw .errno(EIO) }
        return target
    }
}
