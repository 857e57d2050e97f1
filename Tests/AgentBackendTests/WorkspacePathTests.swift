import AgentBackend
import Testing

@Suite struct WorkspacePathTests {
    @Test(arguments: [
        ("", ""), ("/", ""), ("//", ""), (".", ""), ("./", ""), ("/.", ""), ("/workspace", ""), ("/workspace/", ""),
        ("//workspace//", ""), ("/workspace/.", ""), ("a/..", ""), ("/workspace/a/..", ""),
        ("x", "x"), ("/x", "x"), ("///x", "x"), ("/workspace/x", "x"), ("//workspace/x", "x"), ("x/", "x"),
        ("./x", "x"),
        ("x/.", "x"), ("/workspace//x", "x"), ("/etc/passwd", "etc/passwd"), ("a//b///c", "a/b/c"),
        ("a/./b", "a/b"), ("a/b/../c", "a/c"), ("a/../b/../c", "c"), ("/a/../b", "b"),
        // The root's name means the root at the beginning of an absolute path alone.
        ("workspace", "workspace"), ("workspace/x", "workspace/x"), ("/workspaces/x", "workspaces/x"),
        ("/workspacex", "workspacex"), ("/workspace/workspace/x", "workspace/x"), ("/x/workspace", "x/workspace"),
        // Names that only look like "." and "..".
        ("...", "..."), ("..a", "..a"), (".a", ".a"), ("a..", "a.."), ("a./b", "a./b"), (".../x", ".../x"),
        (" ", " "), ("a\\b", "a\\b"), ("a\nb", "a\nb"), ("é/日本", "é/日本"),
    ])
    func hasOneSpelling(_ given: String, _ expected: String) throws {
        let path = try WorkspacePath(given)
        #expect(String(decoding: path.bytes, as: UTF8.self) == expected)
        #expect(path.isRoot == expected.isEmpty)
        #expect(
            path.description
                == (expected.isEmpty ? "/workspace" : "/workspace/" + WorkspacePath.printable(expected.utf8))
        )
        // Reading it again changes nothing.
        #expect(try WorkspacePath(path.bytes) == path)
        #expect(try WorkspacePath(Array("/workspace/".utf8) + path.bytes) == path)
    }

    @Test(arguments: [
        "..", "../", "/..", "../x", "a/../..", "a/../../b", "/workspace/..", "/workspace/../x",
        "/workspace/../workspace/x",
        "./..", "a/b/../../../c", "..//x",
    ])
    func climbsNotAboveTheRoot(_ given: String) throws {
        let error = try #require(throws: BackendError.self) { try WorkspacePath(given) }
        #expect(error.code == .pathEscapeAttempt)
        #expect(error.message.contains(given))
    }

    @Test func takesWhatTheKernelTakesAndNoMore() throws {
        let name = [UInt8](repeating: UInt8(ascii: "n"), count: 255)
        #expect(try WorkspacePath(name).bytes == name)
        for given in [name + [1], Array("a/".utf8) + name + [1], name + [1] + Array("/b".utf8)] {
            let error = try #require(throws: BackendError.self) { try WorkspacePath(given) }
            #expect(error.code == .invalidArgument)
            #expect(error.reason == .tooLarge)
        }
        let longest = Array(Array(repeating: Array("abc".utf8), count: 1024).joined(separator: [UInt8(ascii: "/")]))
        #expect(longest.count == WorkspacePath.maximumLength)
        #expect(try WorkspacePath(longest).bytes == longest)
        let error = try #require(throws: BackendError.self) { try WorkspacePath(longest + [UInt8(ascii: "/")]) }
        #expect(error.code == .invalidArgument)

        for given in [[0], Array("a\0b".utf8), Array("a/\0".utf8)] as [[UInt8]] {
            let error = try #require(throws: BackendError.self) { try WorkspacePath(given) }
            #expect(error.code == .invalidArgument)
            #expect(error.reason == nil)
        }
        let everyByte = (1...255).map(UInt8.init)
        #expect(try WorkspacePath(everyByte).bytes == everyByte)
    }

    @Test func hasAParentAndAName() throws {
        #expect(WorkspacePath.root.parentAndName == nil)
        let file = try #require(try WorkspacePath("file").parentAndName)
        #expect(file.parent.isRoot)
        #expect(file.name == Array("file".utf8))
        let deep = try #require(try WorkspacePath("a/b/c").parentAndName)
        #expect(try deep.parent == WorkspacePath("a/b"))
        #expect(deep.name == Array("c".utf8))
    }

    @Test func isAppendedToThatOfAScope() throws {
        let (scope, file) = (try WorkspacePath("a/b"), try WorkspacePath("c/d"))
        #expect(try scope.appending(file) == WorkspacePath("a/b/c/d"))
        #expect(scope.appending(.root) == scope)
        #expect(WorkspacePath.root.appending(file) == file)
        #expect(WorkspacePath.root.appending(.root).isRoot)
    }

    @Test func takesTheNameOfWhatIsInADirectory() throws {
        func path(_ directory: String, _ name: String) throws -> WorkspacePath? {
            let directory = try WorkspacePath(directory)
            return Array(name.utf8).withUnsafeBytes { directory.appending(name: $0) }
        }
        for name in ["a", "..a", ".a", "...", String(repeating: "x", count: WorkspacePath.maximumNameLength)] {
            #expect(try path("", name) == WorkspacePath(name))
            #expect(try path("d/e", name) == WorkspacePath("d/e/" + name))
        }
        for name in ["", ".", "..", String(repeating: "x", count: WorkspacePath.maximumNameLength + 1)] {
            #expect(try path("", name) == nil)
            #expect(try path("d", name) == nil)
        }
        let longest = String(repeating: "d/", count: WorkspacePath.maximumLength / 2)
        #expect(try path(longest, "a")?.bytes.count == WorkspacePath.maximumLength)
        #expect(try path(longest, "ab") == nil)
    }

    @Test func isShownAsTextThatDrivesNoTerminal() {
        let shown: [([UInt8], String)] = [
            (Array("plain é 日本.txt".utf8), "plain é 日本.txt"), ([0x61, 0xff, 0x62], "a\\xffb"),
            (Array("a\nb\u{1b}[31m".utf8), "a\\x0ab\\x1b[31m"), ([0x7f], "\\x7f"), ([0x01], "\\x01"),
            // U+009B begins a control sequence as ESC [ does; U+2028 ends a line.
            (Array("a\u{9b}".utf8), "a\\xc2\\x9b"), (Array("\u{2028}".utf8), "\\xe2\\x80\\xa8"),
        ]
        for (bytes, text) in shown { #expect(WorkspacePath.printable(bytes) == text) }
    }
}
