import Glibc

/// The entries of an open directory, in no order, one at a time: however many there are, they take no memory.
struct DirectoryStream: ~Copyable {
    private let stream: OpaquePointer

    init(_ directory: consuming OwnedDescriptor, path: @autoclosure () -> String) throws(SystemFailure) {
        let raw = directory.release()
        guard let stream = fdopendir(raw) else {
            let failure = SystemFailure("fdopendir", path())
            close(raw)
            throw failure
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// Of the directory; valid as long as this value.
    var descriptor: CInt { dirfd(stream) }

    /// Calls `body` with the name of the next entry, "." and ".." left out; nil at the end. The pointer is valid
    /// within the call only: a name is bytes, and not all of them make a String.
    mutating func next<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result? {
        while let entry = readdir(stream) {
            let result: Result? = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { name in
                    strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? nil : body(name)
                }
            }
            if let result { return result }
        }
        return nil
    }
}
