internal import AgentBackend
internal import Glibc

enum SymbolicLink {
    /// The bytes of a symbolic link; readlink(2).
    static func target(of path: String) throws(BackendError) -> [UInt8] {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = target.withUnsafeMutableBytes { memory in
            memory.baseAddress.map { readlink(path, $0, memory.count) } ?? 0
        }
        guard length >= 0 else { throw .systemCall("readlink", errno: errno) }
        // One that fills all of it may be longer.
        guard length < target.count else { throw .systemCall("readlink", errno: ENAMETOOLONG) }
        return Array(target.prefix(length))
    }

    /// What an entry of a directory leads to; nil where it is no link.
    static func target(of name: String, in directory: Int32) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlinkat(directory, name, &target, target.count)
        guard length >= 0, length < target.count else { return nil }
        return String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Where a path ends when all its links are followed; nil where there is nothing. realpath(3).
    static func end(of path: String) -> String? {
        guard let end = realpath(path, nil) else { return nil }
        defer { free(end) }
        return String(cString: end)
    }
}
