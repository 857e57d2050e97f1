import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

/// What earlier commands left in the directory for temporary files, with the worst of intentions.
@Suite struct SweepTests {
    private func withOrg(_ body: (ScratchDirectory, BrokerRoot) throws -> Void) async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            try scratch.makeDirectory("root/v1/orgs/acme")
            try scratch.makeDirectory("root/v1/orgs/acme/.tmp")
            try scratch.makeDirectory("outside")
            try scratch.write("precious", to: "outside/file")
            try body(scratch, root)
            #expect(try scratch.read("outside/file") == "precious")
            #expect(scratch.mode("outside") == 0o755)
            root.close()
        }
    }

    private func sweep(_ root: BrokerRoot) throws -> SweepReport {
        let moved = try root.setAsideTemporaryFiles()
        #expect(moved.left == 0)
        return try emptyTrash(root)
    }

    private func emptyTrash(_ root: BrokerRoot) throws -> SweepReport {
        try root.orgNames().reduce(into: SweepReport()) { $0.add(try root.emptyTrash(of: $1)) }
    }

    private let tmp = "root/v1/orgs/acme/.tmp"

    @Test func removesEverything() async throws {
        try await withOrg { scratch, root in
            try scratch.makeDirectory("\(tmp)/a")
            try scratch.makeDirectory("\(tmp)/a/b")
            try scratch.write("x", to: "\(tmp)/a/b/file")
            try scratch.makeDirectory("root/v1/orgs/acme/key")
            try scratch.write("x", to: "root/v1/orgs/acme/key/file")
            try scratch.makeDirectory("root/v1/orgs/acme/.keyless")
            try scratch.makeDirectory("root/v1/orgs/acme/.keyless/0123")
            #expect(try sweep(root) == SweepReport(removed: 6))
            #expect(try scratch.entries("root/v1/orgs/acme") == [".trash", "key"])
            #expect(try scratch.entries("root/v1/orgs/acme/.trash").isEmpty)
            #expect(try scratch.read("root/v1/orgs/acme/key/file") == "x")
        }
    }

    /// A pit that is still empty is not taken away from who is about to fill it.
    @Test func nothingIsForgottenThatIsSetAsideWhileTheTrashIsEmptied() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            for name in ["root/v1/orgs/acme", "root/v1/orgs/acme/.tmp"] { try scratch.makeDirectory(name) }
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for _ in 0..<5000 { _ = try root.emptyTrash(of: "acme") }
                }
                for _ in 0..<500 {
                    try scratch.write("x", to: "\(tmp)/file")
                    #expect(try root.setAsideTemporaryFiles() == SweepReport(removed: 1))
                    #expect(try scratch.entries("root/v1/orgs/acme") == [".trash"])
                    try scratch.makeDirectory(tmp)
                }
                try await group.waitForAll()
            }
            root.close()
        }
    }

    @Test func sweepsAllOrgsAndNothingElse() async throws {
        try await withOrg { scratch, root in
            for name in ["b", "lost+found"] {
                try scratch.makeDirectory("root/v1/orgs/\(name)")
                try scratch.makeDirectory("root/v1/orgs/\(name)/.tmp")
                try scratch.write("x", to: "root/v1/orgs/\(name)/.tmp/file")
            }
            #expect(try sweep(root) == SweepReport(removed: 3))
            #expect(try scratch.entries("root/v1/orgs/lost+found") == [".tmp"])
            #expect(try sweep(root) == SweepReport())
        }
    }

    @Test func followsNoLink() async throws {
        try await withOrg { scratch, root in
            try #require(symlink(scratch.path("outside"), scratch.path("\(tmp)/directory")) == 0)
            try #require(symlink(scratch.path("outside/file"), scratch.path("\(tmp)/file")) == 0)
            try #require(symlink("/", scratch.path("\(tmp)/everything")) == 0)
            try #require(symlink("nowhere", scratch.path("\(tmp)/dangling")) == 0)
            #expect(try sweep(root) == SweepReport(removed: 5))
        }
    }

    @Test func followsNoLinkInThePlaceOfTheDirectory() async throws {
        try await withOrg { scratch, root in
            try #require(rmdir(scratch.path(tmp)) == 0)
            try #require(symlink(scratch.path("outside"), scratch.path(tmp)) == 0)
            #expect(try sweep(root) == SweepReport(removed: 1))
        }
    }

    @Test func removesWhatIsNoPlainFile() async throws {
        try await withOrg { scratch, root in
            try #require(mkfifo(scratch.path("\(tmp)/fifo"), 0) == 0)
            try #require(link(scratch.path("outside/file"), scratch.path("\(tmp)/hard")) == 0)
            let names: [[UInt8]] = [
                [0xff, 0xfe], [0x0a], Array("-rf".utf8), Array("...".utf8), Array(repeating: 0x78, count: 255),
            ]
            for name in names {
                let path = Array(scratch.path("\(tmp)/").utf8) + name + [0]
                let file = open(path.map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY, 0)
                try #require(file >= 0)
                close(file)
            }
            #expect(try sweep(root) == SweepReport(removed: 8))
        }
    }

    /// As root permissions do not count; run as anybody else this takes them back.
    @Test(arguments: [0o000 as mode_t, 0o100, 0o200, 0o400, 0o500, 0o600])
    func takesBackPermissions(mode: mode_t) async throws {
        try await withOrg { scratch, root in
            try scratch.makeDirectory("\(tmp)/a")
            try scratch.makeDirectory("\(tmp)/a/b")
            try scratch.makeDirectory("\(tmp)/a/b/c")
            try scratch.write("x", to: "\(tmp)/a/b/c/file")
            for name in ["/a/b/c", "/a/b", "/a", ""] { try #require(chmod(scratch.path("\(tmp)\(name)"), mode) == 0) }
            #expect(try sweep(root) == SweepReport(removed: 5))
        }
    }

    /// Deeper than any path is long, and than there are descriptors.
    @Test func removesTreesOfAnyDepth() async throws {
        try await withOrg { scratch, root in
            let depth = 3000
            var directory = try OwnedDescriptor.directory(scratch.path(tmp)).release()
            for _ in 0..<depth {
                let name = "directory-with-a-name"
                try #require(mkdirat(directory, name, 0o700) == 0)
                let next = try OwnedDescriptor.directory(name, in: directory).release()
                close(directory)
                directory = next
            }
            close(directory)
            #expect(try sweep(root) == SweepReport(removed: depth + 1))
        }
    }

    /// A start does not wait for what there is to remove.
    @Test func setsAsideWithoutLookingInside() async throws {
        try await withOrg { scratch, root in
            try scratch.makeDirectory("\(tmp)/a")
            try scratch.write("x", to: "\(tmp)/a/file")
            #expect(try root.setAsideTemporaryFiles() == SweepReport(removed: 1))
            #expect(scratch.status(tmp) == nil)
            #expect(try root.setAsideTemporaryFiles() == SweepReport())
            #expect(try scratch.entries("root/v1/orgs/acme/.trash").count == 1)
            #expect(try emptyTrash(root) == SweepReport(removed: 3))
            #expect(try scratch.entries("root/v1/orgs/acme/.trash").isEmpty)
        }
    }

    @Test func finishesWhatACrashInterrupted() async throws {
        try await withOrg { scratch, root in
            try scratch.makeDirectory("root/v1/orgs/acme/.trash")
            try scratch.makeDirectory("root/v1/orgs/acme/.trash/0123")
            try scratch.makeDirectory("root/v1/orgs/acme/.trash/0123/4567")
            try scratch.write("x", to: "root/v1/orgs/acme/.trash/0123/4567/file")
            try scratch.makeDirectory("root/v1/orgs/acme/.trash/empty")
            #expect(try sweep(root) == SweepReport(removed: 3))
            #expect(try scratch.entries("root/v1/orgs/acme/.trash").isEmpty)
        }
    }

    /// A file system mounted inside is the nearest thing to a file that nobody can remove.
    @Test(.enabled(if: isRoot)) func reportsWhatStays() async throws {
        try await withOrg { scratch, root in
            try scratch.makeDirectory("\(tmp)/a")
            try scratch.makeDirectory("\(tmp)/a/mounted")
            try scratch.write("x", to: "\(tmp)/a/file")
            let place = scratch.path("\(tmp)/a/mounted")
            guard mount("none", place, "tmpfs", 0, nil) == 0 else { return }
            let report = try sweep(root)
            #expect(report.removed == 2)
            #expect(report.left > 0)
            #expect(report.lastErrno == EBUSY || report.lastErrno == ENOTEMPTY)
            let pit = try #require(scratch.entries("root/v1/orgs/acme/.trash").first)
            let trees = try scratch.entries("root/v1/orgs/acme/.trash/\(pit)")
            for name in trees { umount2(scratch.path("root/v1/orgs/acme/.trash/\(pit)/\(name)/mounted"), 0) }
            #expect(try sweep(root).left == 0)
        }
    }

    /// Also in the middle of one directory, however many files are in it.
    @Test func stopsWhenItIsTold() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("large")
            for index in 0..<100 { try scratch.write("x", to: "large/file\(index)") }
            let pit = try OwnedDescriptor.directory(scratch.root)
            var removal = TreeRemoval(emptying: pit.raw)
            var looks = 0
            try removal.run {
                looks += 1
                return looks > 30
            }
            #expect((1..<100).contains(removal.report.removed) && removal.report.left > 0)
            var rest = TreeRemoval(emptying: pit.raw)
            try rest.run()
            #expect(removal.report.removed + rest.report.removed == 101)
        }
    }

    @Test func stopsAtItsLimit() async throws {
        try await withScratchDirectory { scratch in
            for index in 0..<10 { try scratch.write("x", to: "file\(index)") }
            let pit = try OwnedDescriptor.directory(scratch.root)
            var removal = TreeRemoval(emptying: pit.raw, limit: 3)
            try removal.run()
            #expect(removal.report.removed < 10)
            var rest = TreeRemoval(emptying: pit.raw)
            try rest.run()
            #expect(removal.report.removed + rest.report.removed == 10)
        }
    }
}
