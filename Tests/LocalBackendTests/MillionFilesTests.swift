import AgentBackend
import Foundation
import Glibc
import Testing

@testable import LocalBackend

/// A workspace of a million files: every answer comes in pages, and no operation keeps the whole tree.
@Suite(.serialized) struct MillionFilesTests {
    /// One directory of many files, and many directories of few.
    private static let flat = 50_000
    private static let directories = 950
    private static let filesInEach = 1000
    private static var all: Int { flat + directories * filesInEach }
    /// What an operation may add to the memory of the process: less than 64 bytes for each file.
    private static let mostBytes = 48 << 20

    private static let hasRoom: Bool = {
        var status = statvfs()
        return statvfs("/var/tmp", &status) == 0 && status.f_favail > UInt(all + all / 10)
    }()

    private static func makeFiles(_ count: Int, in directory: String, owner: HostIdentity?) throws {
        try #require(mkdir(directory, 0o755) == 0)
        if let owner { try #require(chown(directory, owner.uid, owner.gid) == 0) }
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        for number in 0..<count {
            let name = "f" + String(repeating: "0", count: 6 - String(number).count) + String(number) + ".txt"
            try #require(mknodat(descriptor, name, S_IFREG | 0o644, 0) == 0)
        }
    }

    /// The most memory that the process has had since this was asked last.
    private static func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let kilobytes = try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
        // proc_pid_clear_refs(5).
        try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        return kilobytes << 10
    }

    private static func expectBounded<Value>(
        _ name: String,
        _ body: () async throws -> Value
    ) async throws -> Value {
        _ = try peak()
        let before = try peak()
        let value = try await body()
        let growth = try peak() - before
        #expect(growth < mostBytes, "\(name) took \(growth) bytes more")
        return value
    }

    @Test(.enabled(if: hasRoom)) func everyOperationIsBoundedAndPaged() async throws {
        let identity = identities.last ?? nil
        try await LocalFixture.with(identity) { fixture in
            try Self.makeFiles(Self.flat, in: fixture.path("flat"), owner: identity)
            try fixture.makeDirectory("deep")
            for number in 0..<Self.directories {
                try Self.makeFiles(Self.filesInEach, in: fixture.path("deep/d\(1000 + number)"), owner: identity)
            }
            try fixture.makeFile("deep/d1949/z-last.txt", "needle\n")
            let backend = fixture.backend

            let names = try await Self.expectBounded("readdir") {
                var (count, after) = (0, [UInt8]())
                while true {
                    let page = try await backend.readdir(
                        try WorkspacePath("flat"),
                        options: ReaddirOptions(after: after, limit: 10_000)
                    )
                    #expect(page.entries.count <= 10_000)
                    count += page.entries.count
                    guard page.isTruncated, let last = page.entries.last else { return count }
                    after = last.name
                }
            }
            #expect(names == Self.flat)

            let found = try await Self.expectBounded("glob") {
                let pattern = try GlobPattern("**/f000*.txt")
                return try await Self.count { after in
                    try await backend.glob(pattern, options: GlobOptions(after: after))
                }
            }
            #expect(found == (Self.directories + 1) * 1000)

            let listed = try await Self.expectBounded("tree") {
                try await Self.count { after in
                    try await backend.tree(TreeOptions(path: try WorkspacePath("deep"), after: after))
                }
            }
            #expect(listed == Self.directories * (Self.filesInEach + 1) + 1)

            let matches = try await Self.expectBounded("grep") {
                var (count, after) = (0, WorkspacePath?.none)
                repeat {
                    let page = try await backend.grep(
                        try GrepPattern("needle", isRegularExpression: false),
                        options: GrepOptions(after: after)
                    )
                    count += page.files.reduce(0) { $0 + $1.matches.count }
                    after = page.next
                } while after != nil
                return count
            }
            #expect(matches == 1)

            let files = try await Self.expectBounded("disk usage") {
                var (count, after) = (UInt64(0), WorkspacePath?.none)
                repeat {
                    let usage = try await backend.diskUsage(
                        try WorkspacePath(""),
                        options: DiskUsageOptions(after: after)
                    )
                    count += usage.files
                    after = usage.next
                } while after != nil
                return count
            }
            #expect(files == UInt64(Self.all + 1))

            try await Self.expectBounded("rename") { try await backend.move("flat", to: "moved") }
            try await Self.expectBounded("rm") { try await backend.remove("moved", recursive: true) }
            try await Self.expectBounded("rm") { try await backend.remove("deep", recursive: true) }
            #expect(try await backend.readdir("") == [])
        }
    }

    /// Entries of all pages.
    private static func count(_ page: (WorkspacePath?) async throws -> FilePage) async throws -> Int {
        var (count, after) = (0, WorkspacePath?.none)
        repeat {
            let page = try await page(after)
            #expect(page.files.count <= 100_000)
            count += page.files.count
            after = page.next
        } while after != nil
        return count
    }
}
