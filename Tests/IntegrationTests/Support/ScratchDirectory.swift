import Foundation

/// A new directory beneath /tmp, gone when the body is done.
func withScratchDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = "/tmp/broker-integration-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
