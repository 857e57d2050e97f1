import Foundation
import Glibc

@testable import AgentBackend

/// A new directory beneath /tmp, gone when the body is done.
func withScratchDirectory(_ body: (String) async throws -> Void) async throws {
    let path = "/tmp/operations-log-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

func contents(of path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
}

/// The subjects of lines of JSON, "missing N" where some are missing. Nil where a line is none.
func subjects(in text: String) -> [String?] {
    text.split(separator: "\n").map { line in
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            return nil
        }
        if let dropped = object["dropped"] as? Int { return "missing \(dropped)" }
        return object["subject"] as? String
    }
}

/// A pipe that the test reads when it likes.
struct TestPipe: ~Copyable {
    let reading: Int32
    let writing: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }
}

/// Reads until the other end is closed.
func read(all descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &piece, piece.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += piece[..<count]
    }
}
