internal import FoundationEssentials
internal import Glibc

/// A directory for the time of a closure.
enum TemporaryDirectory {
    /// Makes one in /tmp, and removes it with all that is in it, whatever `body` does.
    static func run<Result>(
        _ prefix: String,
        _ body: (_ path: String) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        var template = Array("/tmp/\(prefix).XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("mkdtemp") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: path) }
        // A broker that works as the user of an org has to get through, but need not look around.
        guard chmod(path, 0o711) == 0 else { throw .system("chmod", path) }
        return try body(path)
    }
}
