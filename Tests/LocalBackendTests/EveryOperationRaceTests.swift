import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// All operations at once while another process swaps names beneath them; as ``EscapeRaceTests``, whose attacks are of one
/// operation each.
@Suite(.serialized) struct EveryOperationRaceTests {
    private static let operations = 100_000
    private static let tasks = 4

    /// A file that is only outside, and larger than all that is inside: where it is seen, outside is seen.
    private static let sign = "sign"
    private static let signSize = 4 << 20

    /// Exchanges "directory" and "link" of its working directory, and "directory" and "other", until it is killed.
    /// Something happens outside all the time, for who watches.
    private static let swapper = """
        import ctypes, os, sys
        libc = ctypes.CDLL(None)
        def exchange(a, b): libc.renameat2(-100, a, -100, b, 2)
        print("ready", flush=True)
        while True:
            for _ in range(20): exchange(b"directory", b"link")
            for _ in range(2): exchange(b"directory", b"other")
            os.chmod(sys.argv[1], 0o644)
        """

    private static func withSwapper(
        in directory: String,
        changing path: String,
        _ body: () async throws -> Void
    ) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", swapper, path]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        defer {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try #require(!output.fileHandleForReading.availableData.isEmpty, "the other process ended")
        try await body()
    }

    /// What of a file changes with any write to it, or to what it is.
    private static func state(_ path: String) throws -> [Int] {
        var status = stat()
        try #require(lstat(path, &status) == 0)
        return [
            Int(status.st_ino), Int(status.st_mode), Int(status.st_nlink), Int(status.st_size), status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ]
    }

    @Test func noneReachesAnythingOutside() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            for directory in ["directory", "other"] {
                try await fixture.backend.put("\(directory)/secret", "own")
                try await fixture.backend.put("\(directory)/deep/own", "own")
            }
            try fixture.makeLink("link", to: fixture.outside)
            let sign = fixture.outside + "/\(Self.sign)"
            try fixture.makeFile(absolute: sign, String(repeating: "\0", count: Self.signSize))
            let bytes = try await fixture.archive("directory")
            let outside = [fixture.outside, fixture.outside + "/secret"]
            let before = try outside.map(Self.state)
            try await Self.withSwapper(in: fixture.root, changing: sign) {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                _ = EscapeRaceTests.triesUntil { naive.read("directory/secret") == LocalFixture.secret }
                let succeeded = await withTaskGroup { group in
                    for task in 0..<Self.tasks {
                        group.addTask {
                            var succeeded: [Int: Int] = [:]
                            for number in 0..<Self.operations / Self.tasks {
                                let kind = (number + task) % Self.kinds
                                do {
                                    try await Self.operation(kind, number, of: fixture, archive: bytes)
                                    succeeded[kind, default: 0] += 1
                                } catch {
                                    #expect(error is BackendError, "\(error)")
                                }
                            }
                            return succeeded
                        }
                    }
                    return await group.reduce(into: [Int: Int]()) { $0.merge($1, uniquingKeysWith: +) }
                }
                for kind in 0..<Self.kinds { #expect(succeeded[kind] ?? 0 > 0, "operation \(kind) never succeeded") }
            }
            #expect(try outside.map(Self.state) == before)
            // Nothing of it was copied inside.
            #expect(try await fixture.backend.grep(LocalFixture.secret).files.isEmpty)
            #expect(try await fixture.backend.glob(Self.sign).isEmpty)
            try #require(unlink(sign) == 0)
        }
    }

    private static let kinds = 26

    /// Fails the test where what it answers is of the outside.
    private static func operation(
        _ kind: Int,
        _ number: Int,
        of fixture: LocalFixture,
        archive bytes: ByteBuffer
    ) async throws {
        let backend = fixture.backend
        switch kind {
        case 0: #expect(try await backend.readText("directory/secret") != LocalFixture.secret)
        case 1: try await backend.put("directory/secret", "own")
        case 2: try await backend.put("directory/new/\(number % 7)", "own")
        case 3: try await backend.put("directory/log", "own", options: WriteOptions(mode: .append))
        case 4: #expect(try await !backend.readdir("directory").contains(sign))
        case 5: #expect(try await backend.stat("directory/secret").size == 3)
        case 6: try await backend.mkdir("directory/made/deep")
        case 7: try await backend.touch("directory/touched")
        case 8: try await backend.rename("directory/touched", to: "directory/moved")
        case 9: try await backend.copy("directory/secret", to: "directory/copied")
        case 10: try await backend.rm("directory/made", recursive: true)
        case 11: try await backend.chmod("directory/secret", permissions: number.isMultiple(of: 2) ? 0o600 : 0o644)
        case 12: try await backend.symlink("directory/inner\(number)", to: "secret")
        case 13:
            let edits = [TextEdit("own", "won"), TextEdit("won", "own")]
            _ = try await backend.edit(try WorkspacePath("directory/secret"), edits, options: EditOptions())
        case 14: #expect(try await backend.glob(sign, in: "directory").isEmpty)
        case 15:
            let texts = try await backend.grep("e", in: "directory").files.flatMap(\.matches).map(\.text)
            #expect(!texts.contains(Array(LocalFixture.secret.utf8)))
        case 16: #expect(try await backend.diskUsage("directory").bytes < UInt64(signSize))
        case 17:
            for case .success(let contents) in try await backend.readMany(["directory/secret", "directory/deep/own"]) {
                #expect(String(buffer: contents.bytes) != LocalFixture.secret)
            }
        case 18:
            for case .success(let info) in try await backend.statMany(["directory/secret"]) { #expect(info.size == 3) }
        case 19:
            let page = try await backend.tree(TreeOptions(path: try WorkspacePath("directory")))
            #expect(!page.files.contains { $0.path.parentAndName?.name == Array(sign.utf8) })
        case 20: try await backend.copy("directory", to: "copy\(number % 3)", recursive: true)
        case 21:
            let made = try await fixture.archive("directory")
            // Contents are filled up to 512 bytes; names of files and of where links lead to have less behind them.
            let contents = LocalFixture.secret + String(repeating: "\0", count: 200)
            #expect(made.readableBytes < signSize && !String(buffer: made).contains(contents))
        case 22: _ = try await fixture.extract(bytes, into: "directory")
        case 23:
            let watch = try await backend.watch("directory")
            defer { watch.close() }
            try await backend.touch("directory/watched")
        case 24:
            // Of the whole tree, in which names are swapped all the time: there is always a change to come.
            let watch = try await backend.watch()
            defer { watch.close() }
            for _ in 0..<3 { #expect(try await watch.next()?.path.parentAndName?.name != Array(sign.utf8)) }
        default:
            // Wherever it was made: what stays makes every look at a directory dearer.
            for directory in ["directory", "other"] {
                try? await backend.rm("\(directory)/inner\(number - kind + 12)", force: true)
            }
            try await backend.rm("copy\(number % 3)", recursive: true, force: true)
        }
    }
}
