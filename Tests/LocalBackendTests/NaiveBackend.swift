import Glibc

/// What a backend would be that checks a path and then uses it. Every attack that the tests make on ours is first shown
/// to work on this.
struct NaiveBackend {
    let root: String
    let check: Check

    enum Check {
        /// The text of the path begins with that of the root.
        case text
        /// What the path leads to, at the time of the check, does.
        case resolved
    }

    /// Nil: refused, or not there.
    func read(_ path: String) -> String? {
        guard let checked = checked(path) else { return nil }
        return Self.contents(checked)
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    func write(_ path: String, _ contents: String) {
        guard let checked = checked(path) else { return }
        let descriptor = open(checked, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        _ = Glibc.write(descriptor, contents, contents.utf8.count)
        close(descriptor)
    }

    func makeDirectory(_ path: String) {
        guard let checked = checkedParent(of: path) else { return }
        mkdir(checked, 0o755)
    }

    func chmod(_ path: String, _ mode: mode_t) {
        guard let checked = checked(path) else { return }
        Glibc.chmod(checked, mode)
    }

    func link(_ path: String, to target: String) {
        guard let checked = checkedParent(of: path) else { return }
        symlink(target, checked)
    }

    func touch(_ path: String) {
        guard let checked = checkedParent(of: path) else { return }
        close(open(checked, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    }

    func rename(_ path: String, to destination: String) {
        guard let from = checkedParent(of: path), let to = checkedParent(of: destination) else { return }
        Glibc.rename(from, to)
    }

    func copy(_ path: String, to destination: String) {
        guard let from = checked(path), let to = checkedParent(of: destination) else { return }
        Self.copy(from, to)
    }

    private static func copy(_ path: String, _ destination: String) {
        guard let contents = contents(path) else { return }
        let descriptor = open(destination, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        _ = Glibc.write(descriptor, contents, contents.utf8.count)
        close(descriptor)
    }

    /// As cp -r, but for looking at each entry before it goes into it.
    func copyTree(_ path: String, to destination: String) {
        guard let from = checked(path), let to = checkedParent(of: destination) else { return }
        copyTree(at: from, to: to)
    }

    private func copyTree(at path: String, to destination: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            if lstat(destination, &status) != 0 { mkdir(destination, 0o755) }
            for name in Self.names(path) { copyTree(at: path + "/" + name, to: destination + "/" + name) }
        } else if status.st_mode & S_IFMT == S_IFREG {
            Self.copy(path, destination)
        }
    }

    func names(_ path: String) -> [String] {
        guard let checked = checked(path) else { return [] }
        return Self.names(checked)
    }

    /// As find, but for looking at each entry before it goes into it.
    func find(_ path: String) -> [String] {
        guard let checked = checked(path) else { return [] }
        return Self.find(checked)
    }

    private static func find(_ path: String) -> [String] {
        names(path).flatMap { name -> [String] in
            let entry = path + "/" + name
            var status = stat()
            guard lstat(entry, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [entry] }
            return [entry] + find(entry)
        }
    }

    /// As du, with the same looks.
    func bytes(in path: String) -> Int {
        find(path).reduce(0) { sum, entry in
            var status = stat()
            return lstat(entry, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? sum + Int(status.st_size) : sum
        }
    }

    /// As grep -r, with the same looks.
    func finds(_ text: String, in path: String) -> Bool {
        find(path).contains { entry in
            var status = stat()
            guard lstat(entry, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
            return Self.contents(entry)?.contains(text) ?? false
        }
    }

    /// As rm -r, but for looking at each entry before it goes into it.
    func removeTree(_ path: String) {
        guard let checked = checked(path) else { return }
        remove(checked)
    }

    private func remove(_ path: String) {
        var status = stat()
        let looked = check == .text ? stat(path, &status) : lstat(path, &status)
        if looked == 0, status.st_mode & S_IFMT == S_IFDIR {
            for name in Self.names(path) { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// For what need not exist.
    private func checkedParent(of path: String) -> String? {
        let names = path.split(separator: "/")
        guard checked(names.dropLast().joined(separator: "/") + "/.") != nil else { return nil }
        return root + "/" + path
    }

    private func checked(_ path: String) -> String? {
        let whole = root + "/" + path
        switch check {
        case .text:
            return whole.hasPrefix(root + "/") ? whole : nil
        case .resolved:
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            guard realpath(whole, &buffer) != nil else { return nil }
            let resolved = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return (resolved + "/").hasPrefix(root + "/") ? whole : nil
        }
    }
}
