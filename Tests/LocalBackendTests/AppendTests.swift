import AgentBackend
import CLinux
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import LocalBackend

@Suite struct AppendTests {
    private static let append = WriteOptions(mode: .append)

    @Test(arguments: identities)
    func addsToTheEndAndMakesWhatIsMissing(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let made = try await fixture.backend.put(
                "a/log",
                "one\n",
                options: WriteOptions(mode: .append, permissions: 0o640)
            )
            #expect(made.permissions == 0o640)
            let inode = try #require(fixture.status("a/log")).st_ino
            let info = try await fixture.backend.put("a/log", "two\n", options: Self.append)
            #expect(info.size == 8)
            #expect(info.permissions == 0o640)
            try await fixture.backend.put("a/log", "", options: Self.append)
            #expect(try fixture.contents("a/log") == "one\ntwo\n")
            // It is the same file, for whoever has it open.
            #expect(fixture.status("a/log")?.st_ino == inode)
        }
    }

    /// From eight tasks, half of them through writers and half in one go, to a file that none of them has made.
    @Test(arguments: identities)
    func addsEachPieceAsAWhole(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let path = try WorkspacePath("log")
            try await withThrowingTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        for count in 0..<40 {
                            let line = Self.line(task, count)
                            if task.isMultiple(of: 2) {
                                try await fixture.backend.put("log", line, options: Self.append)
                                continue
                            }
                            let writer = try await fixture.backend.openWriter(path, options: Self.append)
                            try await writer.write(ByteBuffer(string: String(line.prefix(1000))))
                            try await writer.write(ByteBuffer(string: String(line.dropFirst(1000))))
                            _ = try await writer.commit()
                        }
                    }
                }
                try await group.waitForAll()
            }
            let lines = try fixture.contents("log").split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            let expected = (0..<8).flatMap { task in (0..<40).map { String(Self.line(task, $0).dropLast()) } }
            #expect(lines.map(String.init).sorted() == expected.sorted())
        }
    }

    /// A command that has the file open for appending loses nothing, and so do we.
    @Test func doesNotOverwriteWhatACommandAdds() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("log")
            let descriptor = open(fixture.path("log"), O_WRONLY | O_APPEND | O_CLOEXEC)
            try #require(descriptor >= 0)
            let commandLine = "command " + String(repeating: "c", count: 500) + "\n"
            let path = try WorkspacePath("log")
            let room = Atomic<Int>(5000)
            try await Opponent.against {
                guard room.subtract(1, ordering: .relaxed).newValue > 0 else { return }
                _ = write(descriptor, commandLine, commandLine.utf8.count)
            } _: {
                for count in 0..<200 {
                    if count.isMultiple(of: 2) {
                        try await fixture.backend.put("log", Self.line(9, count), options: Self.append)
                        continue
                    }
                    let writer = try await fixture.backend.openWriter(path, options: Self.append)
                    try await writer.write(ByteBuffer(string: Self.line(9, count)))
                    _ = try await writer.commit()
                }
            }
            close(descriptor)
            let lines = try fixture.contents("log").split(separator: "\n")
            let own = lines.filter { !$0.hasPrefix("command") }
            #expect(own.map { $0 + "\n" } == (0..<200).map { Self.line(9, $0) })
            #expect(lines.filter { $0.hasPrefix("command") }.allSatisfy { $0 + "\n" == commandLine })
        }
    }

    /// Replacing a file and adding to it at the same time: what is added is in the old file or in the new one.
    @Test func survivesBeingReplacedMeanwhile() async throws {
        try await LocalFixture.with { fixture in
            try await fixture.backend.put("log", "=\n")
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for _ in 0..<200 { try await fixture.backend.put("log", "=\n") }
                }
                group.addTask {
                    for count in 0..<200 {
                        try await fixture.backend.put("log", Self.line(1, count), options: Self.append)
                    }
                }
                group.addTask {
                    for _ in 0..<100 { try await fixture.backend.remove("log", force: true) }
                }
                try await group.waitForAll()
            }
            for line in try fixture.contents("log").split(separator: "\n") where line != "=" {
                let count = try #require(Int(line.split(separator: " ")[1]))
                #expect(line + "\n" == Self.line(1, count))
            }
        }
    }

    /// The kernel does not find a file beneath the root that is exchanged in the moment in which it is opened. That is
    /// no escape, and no other file system.
    @Test func takesAnExchangeForWhatItIs() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file", "x")
            let (file, other) = (fixture.path("file"), fixture.outside + "/secret")
            // An even number of times: at the end each is where it was.
            let exchange: @Sendable () -> Void = {
                for _ in 0..<100 { _ = linux_rename_exchange(AT_FDCWD, file, AT_FDCWD, other) }
            }
            try await Opponent.against(exchange) {
                try await Opponent.against(exchange) {
                    let path = try WorkspacePath("file")
                    let files = try fixture.files()
                    for _ in 0..<30_000 {
                        _ = try files.access.stat(path, followLink: true)
                        _ = try files.append(ByteBuffer(), to: path, Self.append)
                    }
                }
            }
        }
    }

    private static func line(_ task: Int, _ count: Int) -> String {
        "\(task) \(count) " + String(repeating: "\(task)", count: 3000 + count) + "\n"
    }
}
