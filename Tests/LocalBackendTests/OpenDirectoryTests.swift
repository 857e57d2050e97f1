import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Root directories that are kept open between operations, within a bound.
@Suite(.timeLimit(.minutes(2))) struct OpenDirectoryTests {
    @Test(arguments: identities)
    func manyBackendsKeepNoMoreOpenThanTheyMayTogether(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let directories = OpenDirectoryCache(capacity: 8)
            let backends = try fixture.backends(count: 50, directories)
            for round in 0..<3 {
                for (number, backend) in backends.enumerated() {
                    try await backend.put("file \(round)", "\(number)")
                    #expect(fixture.openDescriptors.count <= 8)
                }
            }
            #expect(directories.count == 8)
            #expect(fixture.openDescriptors.count == 8)
            for (number, backend) in backends.enumerated() {
                #expect(try await backend.contents("file 2") == "\(number)")
                #expect(try await backend.names("") == ["file 0", "file 1", "file 2"])
            }
            for backend in backends {
                await backend.destroy()
            }
            #expect(fixture.openDescriptors.filter { $0.hasPrefix("root/") } == [])
        }
    }

    /// One of all entries is used between each two others: it stays open, and the temporary directory with it.
    @Test func whatIsUsedStaysOpen() async throws {
        try await LocalFixture.with { fixture in
            let directories = OpenDirectoryCache(capacity: 4)
            let backends = try fixture.backends(count: 40, directories)
            let path = try WorkspacePath("file")
            try await backends[0].put("file", "x")
            for backend in backends.dropFirst() {
                guard case .done = backends[0].tryRead(path, range: .all, maximum: 10) else {
                    Issue.record("it was closed although it is used all the time")
                    return
                }
                try await backend.put("file", "y")
            }
            #expect(fixture.openDescriptors.contains("root/0"))
            #expect(fixture.openDescriptors.contains("temporary"))
            for backend in backends { await backend.destroy() }
        }
    }

    @Test func aReadOfAClosedRootSaysThatItWouldWait() async throws {
        try await LocalFixture.with { fixture in
            let backends = try fixture.backends(count: 2, OpenDirectoryCache(capacity: 1))
            let path = try WorkspacePath("file")
            try fixture.makeFile("0/file", "x")
            #expect(try await backends[0].contents("file") == "x")
            _ = try await backends[1].names("")
            guard case .wouldBlock = backends[0].tryRead(path, range: .all, maximum: 10) else {
                Issue.record("a root that is closed was read")
                return
            }
            #expect(try await backends[0].contents("file") == "x")
            guard case .done = backends[0].tryRead(path, range: .all, maximum: 10) else {
                Issue.record("a root that is open was not read")
                return
            }
            for backend in backends { await backend.destroy() }
        }
    }

    @Test func anEvictedDirectoryIsNotClosedUnderItsUser() async throws {
        try await LocalFixture.with { fixture in
            let directories = OpenDirectoryCache(capacity: 1)
            try fixture.makeDirectory("a")
            try fixture.makeDirectory("b")
            let first = RootDirectory(.host(path: fixture.path("a")), in: directories)
            let second = RootDirectory(.host(path: fixture.path("b")), in: directories)
            let held = try first.descriptor()
            _ = try second.descriptor()
            #expect(first.openDescriptor == nil)
            #expect(try held.status().st_mode & S_IFMT == S_IFDIR)
            #expect(fixture.openDescriptors == ["root/a", "root/b"])
            try withExtendedLifetime(held) {
                let again = try first.descriptor()
                #expect(again !== held)
                #expect(second.openDescriptor == nil)
            }
        }
    }

    @Test func aRootThatWasRemovedAndMadeAgainIsTheNewOne() async throws {
        try await LocalFixture.with { fixture in
            for capacity in [1, 8] {
                let backends = try fixture.backends(count: 2, OpenDirectoryCache(capacity: capacity))
                try await backends[0].put("file", "old")
                // Closes the first with a capacity of one.
                try await backends[1].put("file", "other")
                try FileManager.default.removeItem(atPath: fixture.path("0"))
                try fixture.makeDirectory("0")
                #expect(
                    try await refusal(of: try await backends[0].contents("file")) == Refusal(.readFailed, .notFound)
                )
                try await backends[0].put("file", "new")
                #expect(try fixture.contents("0/file") == "new")
                for backend in backends { await backend.destroy() }
                try FileManager.default.removeItem(atPath: fixture.path("0"))
                try FileManager.default.removeItem(atPath: fixture.path("1"))
            }
        }
    }

    @Test func scopesCountTooAndAreOpenedAgain() async throws {
        try await LocalFixture.with { fixture in
            let directories = OpenDirectoryCache(capacity: 2)
            let backend = try fixture.backends(count: 1, directories)[0]
            let outer = backend.scoped(try WorkspacePath("outer"))
            let inner = outer.scoped(try WorkspacePath("inner"))
            for round in 0..<3 {
                for (number, view) in [backend, outer, inner].enumerated() {
                    try await view.put("file", "\(round) \(number)")
                    #expect(fixture.openDescriptors.count <= 2)
                }
            }
            #expect(try fixture.contents("0/outer/inner/file") == "2 2")
            await outer.destroy()
            #expect(try await refusal(of: try await inner.contents("file")) == Refusal(.backendDestroyed))
            #expect(try await backend.contents("outer/file") == "2 1")
            await backend.destroy()
        }
    }

    @Test func whatIsDestroyedStaysClosed() async throws {
        try await LocalFixture.with { fixture in
            let directories = OpenDirectoryCache(capacity: 1)
            let backends = try fixture.backends(count: 2, directories)
            try await backends[0].put("file", "x")
            await backends[0].destroy()
            try await backends[1].put("file", "x")
            #expect(try await refusal(of: try await backends[0].contents("file")) == Refusal(.backendDestroyed))
            // One that is closed at the time too.
            _ = try await backends[1].names("")
            await backends[1].destroy()
            #expect(try await refusal(of: try await backends[1].contents("file")) == Refusal(.backendDestroyed))
            #expect(directories.count == 0)
        }
    }

    @Test func aViewThatIsLetGoOfIsClosed() async throws {
        try await LocalFixture.with { fixture in
            let directories = OpenDirectoryCache(capacity: 8)
            let backend = try fixture.backends(count: 1, directories)[0]
            for number in 0..<20 {
                try await backend.scoped(try WorkspacePath("\(number)")).put("file", "x")
            }
            #expect(fixture.openDescriptors.filter { $0.hasPrefix("root/0/") } == [])
            await backend.destroy()
            #expect(fixture.openDescriptors == ["temporary"])
            #expect(directories.count == 1)
        }
    }

    @Test func manyTasksShareTheCacheAtOnce() async throws {
        try await LocalFixture.with(threadCount: 8) { fixture in
            let directories = OpenDirectoryCache(capacity: 3)
            let backends = try fixture.backends(count: 12, directories)
            let path = try WorkspacePath("file")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for round in 0..<100 {
                            let number = (worker &* 5 &+ round &* 7) % 11
                            let backend = backends[number]
                            try await backend.put("file", "\(number)")
                            if case .done((_, let contents)) = backend.tryRead(path, range: .all, maximum: 10) {
                                #expect(String(buffer: contents) == "\(number)")
                            }
                            #expect(try await backend.contents("file") == "\(number)")
                            // The last one is destroyed meanwhile.
                            if round == 50, worker == 0 { await backends[11].destroy() }
                            if case .done = backends[11].tryRead(path, range: .all, maximum: 10), round > 50,
                                worker == 0
                            {
                                Issue.record("a backend that was destroyed was read")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(directories.count <= 3)
            #expect(fixture.openDescriptors.count <= 3)
            for backend in backends { await backend.destroy() }
        }
    }

    @Test func backendsOfOneUserShareTheirTemporaryDirectory() async throws {
        try await LocalFixture.with { fixture in
            let backends = try fixture.backends(count: 5, OpenDirectoryCache(capacity: 100))
            for backend in backends { try await backend.put("file", "x") }
            #expect(fixture.openDescriptors.filter { $0 == "temporary" }.count == 1)
            await backends[0].destroy()
            try await backends[1].put("file", "y")
            #expect(try fixture.contents("1/file") == "y")
            for backend in backends { await backend.destroy() }
        }
    }
}

extension LocalFixture {
    /// Backends with roots of their own, beneath the fixture's, and one directory for temporary files.
    fileprivate func backends(
        count: Int,
        _ directories: OpenDirectoryCache
    ) throws -> [LocalFilesystemBackend] {
        let temporary = TemporaryFileDirectory(path: temporary, in: directories)
        return try (0..<count).map { number in
            try makeDirectory("\(number)")
            return LocalFilesystemBackend(
                rootDirectory: path("\(number)"),
                settings: .init(
                    temporary: temporary,
                    identity: identity,
                    threads: threads,
                    directories: directories
                )
            )
        }
    }
}
