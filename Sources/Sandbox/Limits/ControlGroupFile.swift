internal import AgentBackend
internal import Glibc

/// The small files of a file system of control groups.
enum ControlGroupFile {
    /// Empty where it cannot be read.
    static func text(_ path: String) -> String {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        return String(decoding: OwnedDescriptor(file).readAll(), as: UTF8.self)
    }

    static func words(_ path: String) -> [Substring] {
        text(path).split { $0 == " " || $0 == "\n" }
    }

    /// What follows a word at the beginning of a line. Zero where there is none.
    static func number(_ name: String, in text: String) -> UInt64 {
        let lines = text.split(separator: "\n")
        return lines.first { $0.hasPrefix("\(name) ") }.flatMap { UInt64($0.dropFirst(name.count + 1)) } ?? 0
    }

    /// Throws `EXEC_ERROR` and `RESOURCE_EXHAUSTED`, with the errno.
    static func write(_ text: String, to name: String, of group: String) throws(BackendError) {
        let file = try open(name, of: group)
        let bytes = Array(text.utf8)
        guard Glibc.write(file.rawValue, bytes, bytes.count) == bytes.count else {
            throw .systemCall("write to a control group's \(name)", errno: errno)
        }
    }

    /// For writing. The kernel has made all that there can be, and makes no others.
    static func open(_ name: String, of group: String) throws(BackendError) -> OwnedDescriptor {
        let file = Glibc.open("\(group)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        return try .made(by: "open of a control group's \(name)", file < 0 ? -errno : file)
    }

    static func openDirectory(_ path: String) throws(BackendError) -> OwnedDescriptor {
        let directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        return try .made(by: "open of a control group", directory < 0 ? -errno : directory)
    }

    static func makeDirectory(_ path: String) throws(BackendError) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .systemCall("mkdir of a control group", errno: errno)
        }
    }

    /// Of the directories in a directory.
    static func directories(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// With all beneath it. Stays where a process is in one of them.
    static func removeDirectories(_ path: String) {
        if rmdir(path) == 0 || errno == ENOENT { return }
        for name in directories(in: path) { removeDirectories("\(path)/\(name)") }
        rmdir(path)
    }
}
