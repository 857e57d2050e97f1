import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct ReaddirTests {
    @Test(arguments: identities)
    func listsNamesInTheOrderOfTheirBytes(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            #expect(try await fixture.backend.names("/workspace") == [])
            for name in ["b", "a", "B", "a.txt", "a0", ".hidden", "~", "é", "a b"] { try fixture.makeFile(name) }
            try fixture.makeDirectory("directory")
            try fixture.makeLink("link", to: "a")
            #expect(
                try await fixture.backend.names("/")
                    == [".hidden", "B", "a", "a b", "a.txt", "a0", "b", "directory", "link", "~", "é"]
            )
        }
    }

    @Test(arguments: identities)
    func tellsOfEachEntry(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file", "12345", mode: 0o640)
            try fixture.makeDirectory("directory", mode: 0o750)
            try fixture.makeLink("link", to: "/nowhere")
            try #require(mkfifo(fixture.path("fifo"), 0o600) == 0)
            let page = try await fixture.backend.readdir(.root, options: ReaddirOptions(withDetails: true))
            #expect(page.entries.map(\.info?.kind) == [.directory, .fifo, .regular, .symbolicLink])
            let file = try #require(page.entries[2].info)
            #expect(file.size == 5)
            #expect(file.permissions == 0o640)
            let status = try #require(fixture.status("file"))
            #expect(file.modifiedNanoseconds == status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec)
            #expect(try await fixture.backend.info("file") == file)
        }
    }

    /// 20,000 names: each page holds its own, and all of them together hold every name once.
    @Test func pages() async throws {
        let limits = LocalFilesystemLimits(maximumReaddirEntries: 3000)
        try await LocalFixture.with(limits: limits) { fixture in
            let names = (0..<20_000).map { "name \($0)" }
            try fixture.makeFile(names[0])
            for name in names.dropFirst() { try #require(link(fixture.path(names[0]), fixture.path(name)) == 0) }
            let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            for limit in [0, 2999] {
                var all: [String] = []
                var options = ReaddirOptions(limit: limit)
                while true {
                    let page = try await fixture.backend.readdir(.root, options: options)
                    #expect(page.entries.count <= (limit == 2999 ? 2999 : 3000))
                    all += page.entries.map { String(decoding: $0.name, as: UTF8.self) }
                    guard page.isTruncated, let last = page.entries.last else { break }
                    options.after = last.name
                }
                #expect(all == sorted)
            }
            let most = try await fixture.backend.readdir(.root, options: ReaddirOptions(limit: 100_000))
            #expect(most.entries.count == 3000)
            let one = try await fixture.backend.readdir(.root, options: ReaddirOptions(limit: 1))
            #expect(one == DirectoryPage(entries: [DirectoryEntry(name: Array("name 0".utf8))], isTruncated: true))
        }
    }

    /// 100,000 files: listed page by page, copied and removed as any other.
    @Test func goesThroughALargeDirectory() async throws {
        let limits = LocalFilesystemLimits(maximumReaddirEntries: 30_000)
        try await LocalFixture.with(limits: limits) { fixture in
            try fixture.makeDirectory("large")
            let directory = open(fixture.path("large"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            for number in 0..<100_000 {
                let file = openat(directory, "\(number)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
                try #require(file >= 0)
                close(file)
            }
            close(directory)
            var options = ReaddirOptions()
            var count = 0
            var isSorted = true
            while true {
                let page = try await fixture.backend.readdir(try WorkspacePath("large"), options: options)
                #expect(page.entries.count <= 30_000)
                let names = [options.after] + page.entries.map(\.name)
                isSorted = isSorted && zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
                count += page.entries.count
                guard page.isTruncated, let last = page.entries.last else { break }
                options.after = last.name
            }
            #expect(isSorted)
            #expect(count == 100_000)
            try await fixture.backend.remove("large", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5])
    func saysWhetherThereIsMore(_ limit: Int) async throws {
        try await LocalFixture.with { fixture in
            let names = ["a", "b", "c", "d"]
            for name in names { try fixture.makeFile(name) }
            for after in ["", "a", "aa", "d", "e"] {
                let options = ReaddirOptions(after: Array(after.utf8), limit: limit)
                let page = try await fixture.backend.readdir(.root, options: options)
                let rest = names.filter { after.isEmpty || $0 > after }
                let expected = limit == 0 ? rest : Array(rest.prefix(limit))
                #expect(page.entries.map { String(decoding: $0.name, as: UTF8.self) } == expected)
                #expect(page.isTruncated == (expected.count < rest.count))
            }
        }
    }

    @Test func saysWhatCannotBeListed() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file")
            let backend = fixture.backend
            #expect(try await refusal(of: try await backend.names("file")) == Refusal(.lsFailed, .notDirectory))
            #expect(try await refusal(of: try await backend.names("file/x")) == Refusal(.lsFailed, .notDirectory))
            let error = try await failure(of: try await backend.names("nothing"))
            #expect(Refusal(error) == Refusal(.lsFailed, .notFound))
            #expect(error.systemErrno == ENOENT)
            #expect(error.message.contains("/workspace/nothing"))
        }
    }
}
