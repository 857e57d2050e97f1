import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    /// Changes that expect a version of a file.
    @Suite struct ConditionalChanges {
        private enum Change: CaseIterable {
            case rename, copy, rm

            func make(_ backend: any Backend, _ etag: Etag?, _ path: String = "f") async throws {
                let (path, destination) = try (WorkspacePath(path), WorkspacePath("g"))
                switch self {
                case .rename:
                    try await backend.rename(path, to: destination, options: RenameOptions(expectedEtag: etag))
                case .copy: try await backend.copy(path, to: destination, options: CopyOptions(expectedEtag: etag))
                case .rm: try await backend.rm(path, options: RemoveOptions(expectedEtag: etag))
                }
            }
        }

        @Test(arguments: Subject.all)
        func areMadeToThatVersionAlone(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                for change in Change.allCases {
                    let old = try await backend.write("f", "old").etag
                    let new = try await backend.write("f", "new").etag
                    let stale = try await failure { try await change.make(backend, old) }
                    #expect(stale.code == .conflict && stale.currentEtag == new, "\(change)")
                    #expect(try await backend.readText("f") == "new")
                    #expect(try await !backend.exists("g"))
                    try await change.make(backend, new)
                    #expect(try await backend.exists("f") == (change == .copy), "\(change)")
                    if change != .rm { #expect(try await backend.readText("g") == "new") }
                    try await backend.rm("f", force: true)
                    try await backend.rm("g", force: true)
                }
            }
        }

        @Test(arguments: Subject.all)
        func areConflictsWhereThereIsNoFile(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let etag = try await backend.write("d/f", "x").etag
                for (change, path) in Change.allCases.flatMap({ change in ["f", "x/y", "d"].map { (change, $0) } }) {
                    let missing = try await failure { try await change.make(backend, etag, path) }
                    #expect(missing.code == .conflict && missing.currentEtag == nil, "\(change) \(path)")
                }
                #expect(try await backend.readdir("") == ["d"])
                let forced = RemoveOptions(force: true, expectedEtag: etag)
                try await backend.rm(try WorkspacePath("f"), options: forced)
                let recursive = RemoveOptions(recursive: true, force: true, expectedEtag: etag)
                #expect(
                    try await failure { try await backend.rm(try WorkspacePath("d"), options: recursive) }.code
                        == .conflict
                )
                #expect(try await backend.readText("d/f") == "x")
            }
        }

        /// Of several who change the same version in whatever way, one succeeds.
        @Test(arguments: Subject.all)
        func oneOfManySucceeds(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let backend = tested.backend
                let path = try WorkspacePath("f")
                for round in 0..<20 {
                    let etag = try await backend.write("f", "old \(round)").etag
                    let changes: [@Sendable () async throws -> Void] = (0..<4).flatMap {
                        number -> [@Sendable () async throws -> Void] in
                        let destination = "to \(number)"
                        return [
                            {
                                let options = RenameOptions(expectedEtag: etag)
                                try await backend.rename(path, to: try WorkspacePath(destination), options: options)
                            },
                            { try await backend.rm(path, options: RemoveOptions(expectedEtag: etag)) },
                            {
                                let options = WriteOptions(expectedEtag: etag)
                                try await backend.write("f", "new \(number)", options: options)
                            },
                        ]
                    }
                    let succeeded = await withTaskGroup(of: Bool.self) { group in
                        for change in changes {
                            group.addTask { (try? await change()) != nil }
                        }
                        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                    }
                    #expect(succeeded == 1)
                    for name in try await backend.readdir("") { try await backend.rm(name) }
                }
            }
        }
    }
}
