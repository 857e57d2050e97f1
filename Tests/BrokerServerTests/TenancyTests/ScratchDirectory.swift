import Foundation
import Glibc
import Testing

@testable import BrokerServer

/// A directory of one test's own, which other users may pass through.
struct ScratchDirectory: Sendable {
    let root: String

    func path(_ name: String) -> String { "\(root)/\(name)" }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    func makeDirectory(_ name: String, mode: mode_t = 0o755) throws {
        try #require(mkdir(path(name), mode) == 0)
        try #require(chmod(path(name), mode) == 0)
    }

    /// nil where there is no such file. A link is looked at, not followed.
    func status(_ name: String) -> stat? {
        var status = stat()
        return lstat(path(name), &status) == 0 ? status : nil
    }

    /// The permission bits.
    func mode(_ name: String) -> mode_t? { status(name).map { $0.st_mode & 0o7777 } }

    func entries(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(name)).sorted()
    }
}

/// Gives `body` a new directory beneath /tmp and removes it afterwards.
func withScratchDirectory(_ body: (ScratchDirectory) async throws -> Void) async throws {
    var template = Array("/tmp/tenancy-test-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    let root = try #require(made)
    try #require(chmod(root, 0o755) == 0)
    defer { removeTree(root) }
    try await body(ScratchDirectory(root: root))
}

private func removeTree(_ path: String) {
    let name = String(path.dropFirst("/tmp/".count))
    guard let parent = try? OwnedDescriptor.directory("/tmp"), mkdir("\(path).trash", 0o700) == 0,
        let pit = try? OwnedDescriptor.directory("\(path).trash")
    else { return }
    _ = try? TreeRemoval.move(name, in: parent.raw, to: pit.raw)
    var removal = TreeRemoval(emptying: pit.raw)
    _ = try? removal.run()
    rmdir("\(path).trash")
}

let isRoot = geteuid() == 0
