import AgentBackend
import NIOCore
import Testing

/// A backend by text.
extension Backend {
    func contents(_ path: String, range: ReadRange = .all) async throws -> String {
        String(buffer: try await read(try WorkspacePath(path), range: range))
    }

    @discardableResult
    func put(_ path: String, _ contents: String, options: WriteOptions = WriteOptions()) async throws -> FileInfo {
        try await write(try WorkspacePath(path), ByteBuffer(string: contents), options: options)
    }

    func names(_ path: String, options: ReaddirOptions = ReaddirOptions()) async throws -> [String] {
        try await readdir(try WorkspacePath(path), options: options).entries
            .map { String(decoding: $0.name, as: UTF8.self) }
    }

    func info(_ path: String) async throws -> FileInfo {
        try await stat(try WorkspacePath(path), followLink: true)
    }

    func remove(_ path: String, recursive: Bool = false, force: Bool = false) async throws {
        try await rm(try WorkspacePath(path), options: RemoveOptions(recursive: recursive, force: force))
    }
}

/// Code and reason of the error that `body` throws.
func refusal<Value>(
    of body: @autoclosure () async throws -> Value,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> String {
    let error = await #expect(throws: BackendError.self, sourceLocation: sourceLocation) { _ = try await body() }
    let refused = try #require(error, sourceLocation: sourceLocation)
    return refused.reason.map { "\(refused.code) (\($0))" } ?? "\(refused.code)"
}
