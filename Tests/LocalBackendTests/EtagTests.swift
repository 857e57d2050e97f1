import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Nil: a directory of this machine's disk. Otherwise a file system in memory, whose times and inodes are others.
private let disks: [Int?] = LocalFixture.canMount ? [nil, 1 << 24] : [nil]

@Suite struct EtagTests {
    @Test(arguments: disks)
    func areTheSameHoweverTheyAreAskedFor(_ disk: Int?) async throws {
        try await LocalFixture.with(disk: disk) { fixture in
            let backend = fixture.backend
            let path = try WorkspacePath("file")
            func check(_ info: FileInfo, _ name: String) async throws {
                let etag = try #require(info.etag)
                #expect(try await backend.info("file") == info, "\(name)")
                let reader = try await backend.openReader(path, range: .all)
                #expect(reader.info.etag == etag, "\(name)")
                await reader.close()
                if case .done(let info) = backend.tryStat(path, followLink: true) {
                    #expect(info.etag == etag, "\(name)")
                }
                if case .done((let info, _)) = backend.tryRead(path, range: .all, maximum: 100) {
                    #expect(info.etag == etag, "\(name)")
                }
                let page = try await backend.readdir(.root, options: ReaddirOptions(withDetails: true))
                #expect(page.entries.map(\.info?.etag) == [etag], "\(name)")
            }
            for durability in [WriteOptions.Durability.none, .data, .full] {
                for mode in [WriteOptions.Mode.createOnly, .replace, .append] {
                    let options = WriteOptions(mode: mode, durability: durability)
                    try await check(try await backend.put("file", "x", options: options), "\(mode) \(durability)")
                }
                let options = WriteOptions(mode: .append, durability: durability)
                try await check(try await backend.put("file", "", options: options), "nothing \(durability)")
                for mode in [WriteOptions.Mode.replace, .append] {
                    let options = WriteOptions(mode: mode, durability: durability)
                    let writer = try await backend.openWriter(path, options: options)
                    try await writer.write(ByteBuffer(string: "x"))
                    try await check(try await writer.commit(), "writer \(mode) \(durability)")
                }
                try await backend.remove("file")
            }
        }
    }

    /// The same bytes at the same path, time and again: within one tick of the kernel's clock, in inodes that are
    /// reused.
    @Test(arguments: disks)
    func areEachVersionsOwn(_ disk: Int?) async throws {
        try await LocalFixture.with(disk: disk) { fixture in
            var etags: Set<Etag> = []
            var last: Int64 = 0
            for count in 0..<1000 {
                let info = try await fixture.backend.put("file", "x")
                etags.insert(try #require(info.etag))
                #expect(info.modifiedNanoseconds > last)
                last = info.modifiedNanoseconds
                if count.isMultiple(of: 3) { try await fixture.backend.remove("file") }
                if count % 3 == 1 { rename(fixture.path("file"), fixture.path("other")) }
            }
            #expect(etags.count == 1000)
        }
    }

    /// Right after a write of ours, with as many bytes as before.
    @Test(arguments: disks)
    func changeWithWhatACommandDoes(_ disk: Int?) async throws {
        try await LocalFixture.with(disk: disk) { fixture in
            func checkChange(_ name: String, _ body: () throws -> Void) async throws {
                let before = try await fixture.backend.put("file", "x")
                try body()
                #expect(try await fixture.backend.info("file").etag != before.etag, "\(name)")
            }
            let path = fixture.path("file")
            func overwrite() throws {
                let descriptor = open(path, O_WRONLY | O_CLOEXEC)
                try #require(pwrite(descriptor, "y", 1, 0) == 1)
                close(descriptor)
            }
            for _ in 0..<100 {
                try await checkChange("overwritten") { try overwrite() }
                try await checkChange("made anew") {
                    try #require(unlink(path) == 0)
                    try fixture.makeFile("file", "y")
                }
                try await checkChange("longer") { try #require(truncate(path, 2) == 0) }
            }
            try await checkChange("overwritten, and its time put back") {
                let before = try #require(fixture.status("file"))
                try overwrite()
                Self.untilTheClockMovesOn(from: before.st_ctim)
                var times = [before.st_atim, before.st_mtim]
                try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
                let after = try #require(fixture.status("file"))
                #expect(after.st_mtim.nanoseconds == before.st_mtim.nanoseconds)
            }
        }
    }

    /// A reader has opened a file, and a command puts the next one in its place before the reader asks for the version:
    /// in the same inode, and within one tick of the kernel's clock.
    @Test(arguments: disks)
    func areNoFilesOnceTheNameIsGone(_ disk: Int?) async throws {
        try await LocalFixture.with(disk: disk) { fixture in
            for _ in 0..<100 {
                try fixture.makeFile("file", "x")
                let opened = open(fixture.path("file"), O_RDONLY | O_CLOEXEC)
                try #require(unlink(fixture.path("file")) == 0)
                let gone = try #require(try Glibc.stat(of: opened).etag)
                close(opened)
                try fixture.makeFile("file", "y")
                #expect(try await fixture.backend.info("file").etag != gone)
                try #require(unlink(fixture.path("file")) == 0)
            }
        }
    }

    @Test func belongToFilesAlone() async throws {
        try await LocalFixture.with { fixture in
            let backend = fixture.backend
            let info = try await backend.put("file", "x")
            try fixture.makeDirectory("directory")
            try fixture.makeLink("link", to: "file")
            try #require(mkfifo(fixture.path("fifo"), 0o600) == 0)
            for name in ["directory", "fifo", "/workspace"] { #expect(try await backend.info(name).etag == nil) }
            #expect(try await backend.info("link", followLink: false).etag == nil)
            #expect(try await backend.info("link").etag == info.etag)
            // A file is the same by each of its names.
            try #require(link(fixture.path("file"), fixture.path("second")) == 0)
            #expect(try await backend.info("second").etag == backend.info("file").etag)
        }
    }

    /// From several threads at once, each time later than all before, and than the kernel's own at that moment.
    @Test func comeFromTimesThatNoOtherFileHas() async {
        let times = await withTaskGroup(of: [Int64].self, returning: [[Int64]].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<10_000).map { _ in
                        var clock = timespec()
                        clock_gettime(CLOCK_REALTIME_COARSE, &clock)
                        let next = Generation.next().nanoseconds
                        #expect(next > clock.nanoseconds)
                        return next
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for own in times { #expect(zip(own, own.dropFirst()).allSatisfy { $0 < $1 }) }
        #expect(Set(times.joined()).count == 40_000)
    }

    private static func untilTheClockMovesOn(from time: timespec) {
        var clock = timespec()
        repeat { clock_gettime(CLOCK_REALTIME_COARSE, &clock) } while clock.nanoseconds <= time.nanoseconds
    }
}
