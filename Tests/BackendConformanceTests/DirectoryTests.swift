import AgentBackend
import NIOCore
import Testing

extension BackendConformance {
    @Suite struct Directories {
        @Test(arguments: Subject.all)
        func namesAreSortedAsBytes(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                #expect(try await tested.backend.readdir("") == [])
                for name in ["b", "a", "Z", "ä", "a.b", "d/inner"] { try await tested.backend.write(name, "x") }
                let names = try await tested.backend.readdir(try WorkspacePath(""), options: ReaddirOptions())
                #expect(!names.isTruncated)
                #expect(names.entries.map(\.name) == ["Z", "a", "a.b", "b", "d", "ä"].map { Array($0.utf8) })
                #expect(names.entries.allSatisfy { $0.info == nil })
                #expect(try await tested.backend.readdir("d") == ["inner"])
            }
        }

        @Test(arguments: Subject.all)
        func detailsAreThoseOfStat(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "12345")
                try await tested.backend.write("d/f", "1")
                let options = ReaddirOptions(withDetails: true)
                let page = try await tested.backend.readdir(.root, options: options)
                #expect(page.entries.map { $0.info?.kind } == [.directory, .regular])
                let info = try #require(page.entries.last?.info)
                let stat = try await tested.backend.stat("f")
                #expect(info.size == 5)
                #expect(info.permissions == stat.permissions)
                #expect(info.modifiedNanoseconds == stat.modifiedNanoseconds)
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryIsReadAPageAtATime(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let names = ["a", "b", "c", "d", "e"]
                for name in names { try await tested.backend.write("d/\(name)", "x") }
                var options = ReaddirOptions(limit: 2)
                var pages: [[String]] = []
                while true {
                    let page = try await tested.backend.readdir(try WorkspacePath("d"), options: options)
                    pages.append(page.entries.map { String(decoding: $0.name, as: UTF8.self) })
                    guard page.isTruncated else { break }
                    options.after = try #require(page.entries.last?.name)
                }
                #expect(pages == [["a", "b"], ["c", "d"], ["e"]])
            }
        }

        /// The list of names has them all, each as it is opened again.
        @Test(arguments: Subject.all)
        func namesAreTextAndAllOfThem(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                // More than are on a page.
                let names = (1000..<(subject.depth == .itself ? 2100 : 1001)).map(String.init)
                for name in names { try await tested.backend.write("many/\(name)", "") }
                #expect(try await tested.backend.readdir("many") == names)
                try await tested.backend.write("d/tab\tand\u{1b}", "x")
                for name in try await tested.backend.readdir("d") {
                    #expect(try await tested.backend.readText("d/\(name)") == "x")
                }
                let path = try WorkspacePath(Array("d/".utf8) + [0xff])
                try await tested.backend.write(path, ByteBuffer(), options: WriteOptions())
                let notText = Refusal(.lsFailed, .notText)
                #expect(try await refusal { try await tested.backend.readdir("d") } == notText)
                let page = try await tested.backend.readdir(try WorkspacePath("d"), options: ReaddirOptions())
                #expect(page.entries.map(\.text) == ["tab\tand\u{1b}", nil])
                guard tested.capabilities.hasKeys else { return }
                #expect(try await refusal { try await tested.backend.listKeys("d") } == notText)
            }
        }

        @Test(arguments: Subject.all)
        func whatCannotBeListedIsToldSo(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "x")
                let missing = Refusal(.lsFailed, .notFound)
                #expect(try await refusal { try await tested.backend.readdir("missing") } == missing)
                let file = Refusal(.lsFailed, .notDirectory)
                #expect(try await refusal { try await tested.backend.readdir("f") } == file)
            }
        }

        @Test(arguments: Subject.all)
        func directoriesAreMadeWithTheirParents(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.mkdir("a/b/c")
                try await tested.backend.mkdir("a/b/c")
                guard tested.capabilities.hasDirectories else {
                    // Keys imply them: there was nothing to do.
                    #expect(try await !tested.backend.exists("a"))
                    return
                }
                #expect(try await tested.backend.stat("a/b/c").kind == .directory)
                #expect(try await tested.backend.readdir("a/b/c") == [])
            }
        }

        @Test(arguments: Subject.all)
        func oneDirectoryIsMadeInOneThatIsThere(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                guard tested.capabilities.hasDirectories else { return }
                let missing = Refusal(.writeFailed, .notFound)
                #expect(try await refusal { try await tested.backend.mkdir("a/b", recursive: false) } == missing)
                try await tested.backend.mkdir("a", recursive: false)
                let exists = Refusal(.writeFailed, .exists)
                #expect(try await refusal { try await tested.backend.mkdir("a", recursive: false) } == exists)
                let options = MkdirOptions(recursive: false, permissions: 0o700)
                try await tested.backend.mkdir(try WorkspacePath("a/b"), options: options)
                #expect(try await tested.backend.stat("a/b").permissions == 0o700)
            }
        }

        @Test(arguments: Subject.all)
        func aFileIsInTheWayOfADirectory(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                guard tested.capabilities.hasDirectories else { return }
                try await tested.backend.write("f", "x")
                let notDirectory = Refusal(.writeFailed, .notDirectory)
                #expect(try await refusal { try await tested.backend.mkdir("f/d") } == notDirectory)
                #expect(try await failure { try await tested.backend.mkdir("f") }.code == .writeFailed)
                #expect(try await tested.backend.readText("f") == "x")
            }
        }
    }

    @Suite struct Removal {
        @Test(arguments: Subject.all)
        func aFileIsRemoved(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("f", "x")
                try await tested.backend.write("g", "y")
                try await tested.backend.rm("f")
                #expect(try await tested.backend.readdir("") == ["g"])
            }
        }

        @Test(arguments: Subject.all)
        func forceSilencesAMissingTargetOnly(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let missing = Refusal(tested.capabilities.missingToChange, .notFound)
                #expect(try await refusal { try await tested.backend.rm("missing") } == missing)
                try await tested.backend.rm("missing", force: true)
                try await tested.backend.rm("missing/below", recursive: true, force: true)
                try await tested.backend.write("d/f", "x")
                let notEmpty = Refusal(.writeFailed, .notEmpty)
                #expect(try await refusal { try await tested.backend.rm("d", force: true) } == notEmpty)
            }
        }

        @Test(arguments: Subject.all)
        func aDirectoryGoesWithAllThatIsInIt(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                for path in ["d/a", "d/b/c", "d.txt"] { try await tested.backend.write(path, "x") }
                let notEmpty = Refusal(.writeFailed, .notEmpty)
                #expect(try await refusal { try await tested.backend.rm("d") } == notEmpty)
                try await tested.backend.rm("d", recursive: true)
                #expect(try await tested.backend.readdir("") == ["d.txt"])
                #expect(try await !tested.backend.exists("d/b/c"))
            }
        }
    }

    @Suite struct Paths {
        @Test(arguments: Subject.all)
        func oneFileHasManyNames(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.backend.write("a/x", "1")
                for path in ["/a/x", "/workspace/a/x", "./a//x", "a/b/../x", "/workspace/../workspace/a/x"] {
                    guard let workspacePath = try? WorkspacePath(path) else { continue }
                    #expect(String(buffer: try await tested.backend.read(workspacePath)) == "1", "\(path)")
                }
                try await tested.backend.write("/etc/passwd", "mine")
                #expect(try await tested.backend.readdir("etc") == ["passwd"])
            }
        }

        @Test(arguments: Subject.all)
        func nothingLeadsOut(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                try await tested.outermost.write("outside", "secret")
                for path in ["..", "../outside", "a/../../outside", "/workspace/../..", "/../outside"] {
                    let error = try await failure { try await tested.backend.read(path) }
                    #expect(error.code == .pathEscapeAttempt, "\(path)")
                    #expect(error.message.contains(path))
                    #expect(try await failure { try await tested.backend.write(path, "x") }.code == .pathEscapeAttempt)
                    #expect(try await failure { try tested.backend.scope(path) }.code == .pathEscapeAttempt)
                }
                #expect(try await tested.outermost.readText("outside") == "secret")
            }
        }

        /// Names are bytes, as the kernel's are.
        @Test(arguments: Subject.all)
        func namesNeedNotBeText(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let name = Array(UInt8(1)...UInt8(255)).filter { $0 != UInt8(ascii: "/") }
                let path = try WorkspacePath(Array("d/".utf8) + name)
                try await tested.backend.write(path, ByteBuffer(string: "x"), options: WriteOptions())
                let page = try await tested.backend.readdir(try WorkspacePath("d"), options: ReaddirOptions())
                #expect(page.entries.map(\.name) == [name])
                #expect(try await tested.backend.stat(path, followLink: true).size == 1)
                try await tested.backend.rm(path, options: RemoveOptions())
                #expect(try await !tested.backend.exists(path))
            }
        }

        @Test(arguments: Subject.all)
        func whatIsNoPathIsRefused(subject: Subject) async throws {
            try await withSubject(subject) { (tested: Tested) async throws in
                let longest = String(repeating: "n", count: 255)
                try await tested.backend.write(longest, "x")
                #expect(try await tested.backend.readdir("") == [longest])
                for path in [longest + "n", "a\0b", String(repeating: "d/", count: 2048) + "f"] {
                    #expect(try await failure { try await tested.backend.write(path, "x") }.code == .invalidArgument)
                }
            }
        }
    }
}
