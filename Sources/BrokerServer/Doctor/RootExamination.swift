internal import AgentBackend
internal import CLinux
internal import Glibc

/// Looks at the file system where a broker keeps everything, in a directory that is gone afterwards.
struct RootExamination {
    private let root: String
    /// The root, or the nearest of its parents that exists.
    private let place: String

    init(_ root: String) {
        self.root = root
        var place = root
        while place.count > 1, access(place, F_OK) != 0 {
            place = String(place.prefix(upTo: place.lastIndex(of: "/") ?? place.startIndex))
        }
        self.place = place.isEmpty ? "/" : place
    }

    var findings: [HostFinding] {
        var template = Array("\(place)/.doctor-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            return [
                HostFinding(
                    "root",
                    .missing,
                    "nothing can be made in \(place) (errno \(errno))",
                    advice: "give the broker a --root that it may write"
                )
            ]
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer {
            for name in ["a", "b"] { unlinkat(directory, name, 0) }
            close(directory)
            rmdir(path)
        }
        return [space(directory), paths(directory), replacing(directory), cloning(directory)]
    }

    private func space(_ directory: Int32) -> HostFinding {
        var status = statvfs()
        guard fstatvfs(directory, &status) == 0 else {
            return HostFinding("root", .missing, "\(place) does not say how much is free (errno \(errno))")
        }
        let free = Double(status.f_bavail) * Double(status.f_frsize) / Double(1 << 30)
        let tenths = Int(free * 10)
        let found = "\(tenths / 10).\(tenths % 10) GiB and \(status.f_favail) files are free in \(place)"
        guard place == root else { return HostFinding("root", .works, "\(found), where \(root) will be made") }
        return HostFinding("root", .works, found)
    }

    private func paths(_ directory: Int32) -> HostFinding {
        let escaped = linux_openat2(
            directory,
            "..",
            linux_o_path,
            0,
            linux_resolve_beneath | linux_resolve_no_magiclinks
        )
        if escaped >= 0 { close(escaped) }
        guard escaped == -EXDEV else {
            return HostFinding(
                "paths",
                .missing,
                "openat2(2) does not keep paths within a directory (errno \(-escaped))",
                advice: "run it on Linux 5.6 or newer, and let the container's filter pass openat2"
            )
        }
        return HostFinding("paths", .works, "the kernel keeps paths within their workspace")
    }

    private func replacing(_ directory: Int32) -> HostFinding {
        for name in ["a", "b"] {
            let file = openat(directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
            if file >= 0 { close(file) }
        }
        let result = linux_rename_exchange(directory, "a", directory, "b")
        guard result == 0 else {
            return HostFinding(
                "writes",
                .degraded,
                "two files cannot be exchanged here (errno \(-result)): a write replaces by rename, which is slower",
                advice: "put the root on ext4, xfs, btrfs or tmpfs"
            )
        }
        return HostFinding("writes", .works, "files are exchanged at once: readers see the old or the new")
    }

    private func cloning(_ directory: Int32) -> HostFinding {
        let from = openat(directory, "a", O_RDONLY | O_CLOEXEC)
        let to = openat(directory, "b", O_WRONLY | O_CLOEXEC)
        defer {
            close(from)
            close(to)
        }
        let result = linux_clone_file(to, from)
        guard result == 0 else {
            return HostFinding(
                "copies",
                .degraded,
                "this file system shares no blocks between files: copies are written in full",
                advice: "put the root on btrfs or xfs where large files are copied often"
            )
        }
        return HostFinding("copies", .works, "copies share their blocks")
    }
}
