import AgentBackend
import CLinux
import Glibc
import Testing

@testable import LocalBackend

/// Watches of real directories.
@Suite(.serialized, .timeLimit(.minutes(2))) struct WatchTests {
    private func names(_ watch: FileWatch, until last: String) async throws -> [String: FileChange.Kind] {
        var kinds: [String: FileChange.Kind] = [:]
        while let change = try await watch.next() {
            let name = String(decoding: change.path.bytes, as: UTF8.self)
            kinds[name] = change.kind
            if name == last { return kinds }
        }
        return kinds
    }

    @Test(arguments: identities)
    func noFileOfABurstIsLeftOut(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let watch = try await fixture.backend.watch()
            // As a checkout does: directories in one another, with files at once.
            async let made: Void = {
                for number in 0..<5000 {
                    let directory = "d\(number % 50)/e\(number % 500)"
                    _ = mkdir(fixture.path("d\(number % 50)"), 0o777)
                    _ = mkdir(fixture.path(directory), 0o777)
                    if number < 500, let identity {
                        lchown(fixture.path("d\(number % 50)"), identity.uid, identity.gid)
                        lchown(fixture.path(directory), identity.uid, identity.gid)
                    }
                    try fixture.makeFile("\(directory)/f\(number)")
                }
                try fixture.makeFile("last")
            }()
            let kinds = try await names(watch, until: "last")
            try await made
            let isWhole = !kinds.values.contains(.overflow)
            for number in 0..<5000 where isWhole {
                let path = "d\(number % 50)/e\(number % 500)/f\(number)"
                #expect(kinds[path] != nil, "\(path)")
            }
        }
    }

    @Test func whatIsMovedOutIsNotTold() async throws {
        try await LocalFixture.with { fixture in
            for path in ["s/a/b/f", "t/f"] { try await fixture.backend.put(path, "1") }
            let watch = try await fixture.backend.scope("s").watch()
            try #require(rename(fixture.path("s/a"), fixture.path("t/a")) == 0)
            try fixture.makeFile("t/a/b/secret")
            try fixture.makeFile("s/last")
            let kinds = try await names(watch, until: "last")
            #expect(kinds == ["a": .removed, "last": .created])
            try #require(rename(fixture.path("s"), fixture.path("u")) == 0)
            #expect(try await watch.next()?.kind == .removed)
            #expect(try await watch.next() == nil)
        }
    }

    @Test func limitsAreTypedAndWhatWasTakenIsGivenBack() async throws {
        try await LocalFixture.with { fixture in
            let (watches, share) = (FileWatches(), WatchShare(WatchShare.Limits(watches: 2, directories: 5)))
            let backend = LocalFilesystemBackend(
                rootDirectory: fixture.root,
                settings: .init(
                    temporary: TemporaryFileDirectory(path: fixture.temporary, in: OpenDirectoryCache()),
                    threads: fixture.threads,
                    directories: OpenDirectoryCache(),
                    watches: watches,
                    watchShare: share
                )
            )
            for name in ["a", "b", "c"] { try fixture.makeDirectory(name) }
            let first = try await backend.watch()
            #expect(share.used == (1, 4))
            let tooMany = try await failure(of: try await backend.watch())
            #expect(tooMany.code == .resourceExhausted && tooMany.limit?.name == "watched_directories")
            // What it had is given back by the thread of the watches.
            while share.used.directories > 4 { await Task.yield() }
            let second = try await backend.watch(WatchOptions(isRecursive: false))
            #expect(try await failure(of: try await backend.watch()).limit?.name == "watches")
            try fixture.makeDirectory("d")
            #expect(try await failure(of: try await first.next()).code == .resourceExhausted)
            first.close()
            second.close()
            while share.used != (0, 0) || watches.directoryCount > 0 { await Task.yield() }
            await backend.destroy()
        }
    }

    @Test func anEntryHasOnlySoManyWatchesItsScopesIncluded() async throws {
        try await LocalFixture.with { fixture in
            let share = WatchShare(WatchShare.Limits(watchesPerEntry: 2))
            func backend() -> LocalFilesystemBackend {
                LocalFilesystemBackend(
                    rootDirectory: fixture.root,
                    settings: .init(
                        temporary: TemporaryFileDirectory(path: fixture.temporary, in: OpenDirectoryCache()),
                        threads: fixture.threads,
                        directories: OpenDirectoryCache(),
                        watchShare: share
                    )
                )
            }
            try fixture.makeDirectory("a")
            let (one, other) = (backend(), backend())
            let first = try await one.watch()
            let second = try await one.scoped(WorkspacePath("a")).watch()
            let tooMany = try await failure(of: try await one.watch())
            #expect(tooMany.limit == LimitDetails(name: "watches_of_entry", used: 2, allowed: 2))
            let third = try await other.watch()
            second.close()
            while share.used.watches > 2 { await Task.yield() }
            let fourth = try await one.watch()
            for watch in [first, third, fourth] { watch.close() }
            await one.destroy()
            await other.destroy()
        }
    }

    /// Of a plain watch of a path, and of ours.
    @Test(arguments: identities)
    func aLinkInThePlaceOfADirectoryShowsNothingOfOutside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("tree/directory/own", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let plain = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            defer { close(plain) }
            let outside = inotify_add_watch(plain, fixture.outside, UInt32(IN_ATTRIB))
            try #require(outside >= 0)
            let paths = (fixture.path("tree/directory"), fixture.path("link"))
            try await Opponent.against {
                for _ in 0..<10 { EscapeRaceTests.exchange(paths.0, paths.1) }
                // Something happens outside all the time.
                chmod(fixture.outside + "/secret", 0o644)
            } _: {
                _ = EscapeRaceTests.triesUntil { inotify_add_watch(plain, paths.0, UInt32(IN_ATTRIB)) == outside }
                var begun = 0
                for _ in 0..<1000 {
                    guard let watch = try? await fixture.backend.watch("tree") else { continue }
                    begun += 1
                    if begun.isMultiple(of: 10) {
                        for _ in 0..<20 {
                            let change = try await watch.next()
                            #expect(change?.path.parentAndName?.name != Array("secret".utf8))
                        }
                    }
                    watch.close()
                }
                #expect(begun > 0)
            }
        }
    }
}
