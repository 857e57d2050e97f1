import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Writing {
        @Test(arguments: Subject.all)
        func parentsAreMade(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let info = try await tested.backend.write("a/b/c", "x")
                #expect(info.kind == .regular)
                #expect(info.size == 1)
                #expect(info.permissions == 0o644)
                #expect(try await tested.backend.stat("a/b").kind == .directory)
                #expect(try await tested.backend.readText("a/b/c") == "x")
            }
        }

        @Test(arguments: Subject.all)
        func aFileThatIsReplacedKeepsItsPermissions(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let made = try await tested.backend.write("f", "old", options: WriteOptions(permissions: 0o600))
                #expect(made.permissions == 0o600)
                let replaced = try await tested.backend.write("f", "newer", options: WriteOptions(permissions: 0o644))
                #expect(replaced.permissions == 0o600)
                #expect(try await tested.backend.readText("f") == "newer")
            }
        }

        @Test(arguments: Subject.all)
        func createOnlyNeverReplaces(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let options = WriteOptions(mode: .createOnly)
                try await tested.backend.write("f", "first", options: options)
                let exists = Refusal(.writeFailed, .exists)
                #expect(try await refusal { try await tested.backend.write("f", "x", options: options) } == exists)
                #expect(try await tested.backend.readText("f") == "first")
            }
        }

        /// Of many that make one file at a time, one does.
        @Test(arguments: Subject.all)
        func createOnlyHasOneWinner(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let winners = await withTaskGroup(of: Bool.self) { group in
                    for writer in 0..<16 {
                        group.addTask {
                            let options = WriteOptions(mode: .createOnly)
                            return (try? await tested.backend.write("f", "\(writer)", options: options)) != nil
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(winners == 1)
            }
        }

        @Test(arguments: Subject.all)
        func appendsAddAndLoseNothing(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let options = WriteOptions(mode: .append)
                try await tested.backend.write("f", "", options: options)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for line in 0..<20 {
                        group.addTask { _ = try await tested.backend.write("f", "line \(line)\n", options: options) }
                    }
                    try await group.waitForAll()
                }
                let lines = try await tested.backend.readText("f").split(separator: "\n").sorted()
                #expect(lines.map(String.init) == (0..<20).map { "line \($0)" }.sorted())
            }
        }

        @Test(arguments: Subject.all)
        func nothingShowsBeforeTheCommit(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("d/f")
                let writer = try await tested.backend.openWriter(path, options: WriteOptions())
                try await writer.write(ByteBuffer(string: "ab"))
                #expect(try await !tested.backend.exists(path))
                try await writer.write(ByteBuffer(string: "cd"))
                #expect(try await writer.commit().size == 4)
                #expect(try await tested.backend.readText("d/f") == "abcd")
                await writer.abort()
                #expect(try await tested.backend.exists(path))
            }
        }

        @Test(arguments: Subject.all)
        func whatIsAbortedLeavesNothing(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("f")
                try await tested.backend.write("f", "old")
                let writer = try await tested.backend.openWriter(path, options: WriteOptions())
                try await writer.write(ByteBuffer(string: "new"))
                await writer.abort()
                await writer.abort()
                #expect(try await tested.backend.readText("f") == "old")
                #expect(try await tested.backend.readdir("") == ["f"])
            }
        }

        @Test(arguments: Subject.all)
        func whatHasEndedIsNotCommittedAgain(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("f")
                let (committed, aborted) = (
                    try await tested.backend.openWriter(path, options: WriteOptions()),
                    try await tested.backend.openWriter(path, options: WriteOptions())
                )
                for writer in [committed, aborted] { try await writer.write(ByteBuffer(string: "whole")) }
                _ = try await committed.commit()
                await aborted.abort()
                for writer in [committed, aborted] {
                    #expect(try await failure { try await writer.commit() }.code == .invalidArgument)
                    #expect(
                        try await failure { try await writer.write(ByteBuffer(string: "x")) }.code == .invalidArgument
                    )
                    await writer.abort()
                }
                #expect(try await tested.backend.readText("f") == "whole")
            }
        }

        /// With all of it, where it can be: over a connection the bytes are gone with the call.
        @Test(arguments: Subject.all)
        func whatCouldNotBeCommittedIsTriedAgain(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "old")
                let options = WriteOptions(mode: .createOnly)
                let writer = try await tested.backend.openWriter(try WorkspacePath("f"), options: options)
                try await writer.write(ByteBuffer(string: "whole"))
                #expect(try await refusal { try await writer.commit() } == Refusal(.writeFailed, .exists))
                try await tested.backend.rm("f")
                if tested.capabilities.isRemote {
                    #expect(try await failure { try await writer.commit() }.code == .invalidArgument)
                    #expect(try await !tested.backend.exists("f"))
                } else {
                    #expect(try await writer.commit().size == 5)
                    #expect(try await tested.backend.readText("f") == "whole")
                }
                await writer.abort()
            }
        }

        @Test(arguments: Subject.all)
        func everyDurabilityWrites(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for durability in [WriteOptions.Durability.none, .data, .full] {
                    try await tested.backend.write("f", "\(durability)", options: WriteOptions(durability: durability))
                    #expect(try await tested.backend.readText("f") == "\(durability)")
                }
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryIsNoPlaceForAFile(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("d/f", "x")
                #expect(try await failure { try await tested.backend.write("", "x") }.code == .writeFailed)
                if tested.capabilities.hasDirectories {
                    let directory = Refusal(.writeFailed, .isDirectory)
                    #expect(try await refusal { try await tested.backend.write("d", "x") } == directory)
                    let file = Refusal(.writeFailed, .notDirectory)
                    #expect(try await refusal { try await tested.backend.write("d/f/g", "x") } == file)
                } else {
                    // A key may have others below it.
                    try await tested.backend.write("d", "y")
                    try await tested.backend.write("d/f/g", "z")
                    #expect(try await tested.backend.readText("d") == "y")
                    #expect(try await tested.backend.readText("d/f") == "x")
                }
            }
        }

        @Test(arguments: Subject.all)
        func aCancelledWriteIsToldSo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let error = await withTaskGroup(of: BackendError?.self) { group in
                    group.cancelAll()
                    group.addTask {
                        do {
                            try await tested.backend.write("f", "x")
                            return nil
                        } catch {
                            return error as? BackendError
                        }
                    }
                    return await group.next() ?? nil
                }
                // What does not wait may take effect all the same.
                #expect(error == nil || error?.code == .cancelled)
                if error == nil { #expect(try await tested.backend.exists("f")) }
            }
        }
    }

    @Suite struct Etags {
        @Test(arguments: Subject.all)
        func everyVersionHasItsOwn(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let path = try WorkspacePath("f")
                var etags: Set<Etag> = []
                for _ in 0..<20 {
                    // The same bytes each time: neither size nor, for the clock's sake, time tells them apart.
                    let written = try await tested.backend.write("f", "same")
                    let etag = try #require(written.etag)
                    #expect(try await tested.backend.stat("f").etag == etag)
                    let reader = try await tested.backend.openReader(path, range: .all)
                    #expect(reader.info.etag == etag)
                    await reader.close()
                    etags.insert(etag)
                }
                #expect(etags.count == 20)
            }
        }

        @Test(arguments: Subject.all)
        func anExpectedVersionIsReplacedAndNoOther(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let first = try #require(try await tested.backend.write("f", "1").etag)
                let second = try await tested.backend.write("f", "2", options: WriteOptions(expectedEtag: first)).etag
                let error = try await failure {
                    try await tested.backend.write("f", "3", options: WriteOptions(expectedEtag: first))
                }
                #expect(error.code == .conflict)
                #expect(error.currentEtag == second)
                #expect(try await tested.backend.readText("f") == "2")
                let append = WriteOptions(mode: .append, expectedEtag: second)
                try await tested.backend.write("f", "+", options: append)
                #expect(
                    try await failure { try await tested.backend.write("f", "+", options: append) }.code == .conflict
                )
                #expect(try await tested.backend.readText("f") == "2+")
            }
        }

        @Test(arguments: Subject.all)
        func aFileThatIsGoneIsNoExpectedVersion(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let etag = try await tested.backend.write("f", "1").etag
                try await tested.backend.rm("f")
                let error = try await failure {
                    try await tested.backend.write("f", "2", options: WriteOptions(expectedEtag: etag))
                }
                #expect(error.code == .conflict)
                #expect(error.currentEtag == nil)
                #expect(try await !tested.backend.exists("f"))
            }
        }

        /// Each adds one to a number, by reading it and writing where it is still that: no addition is lost.
        @Test(arguments: Subject.all)
        func twoWritersLoseNoUpdate(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("n", "0")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 {
                        group.addTask { for _ in 0..<25 { try await increment("n", of: tested.backend) } }
                    }
                    try await group.waitForAll()
                }
                #expect(try await tested.backend.readText("n") == "50")
            }
        }
    }
}

private func increment(_ path: String, of backend: any Backend) async throws {
    while true {
        let reader = try await backend.openReader(try WorkspacePath(path), range: .all)
        let text = String(buffer: try await reader.read(upTo: 100) ?? ByteBuffer())
        let etag = reader.info.etag
        await reader.close()
        let number = try #require(Int(text))
        do throws(BackendError) {
            try await backend.write(path, "\(number + 1)", options: WriteOptions(expectedEtag: etag))
            return
        } catch {
            guard error.code == .conflict else { throw error }
        }
    }
}
