import AgentBackend
import Testing

@Suite struct GlobPatternTests {
    @Test(
        arguments: [
            ("*.txt", ["a.txt", "d/b.txt", "d/e/c.txt"], [".txt", "a.txt/b", ".d/a.txt", "a.txtx"]),
            ("/*.txt", ["a.txt"], ["d/b.txt", ".a.txt"]),
            ("./*.txt", ["a.txt"], ["d/b.txt"]),
            ("d/\\./*", ["d/a"], ["a", "d/a/b"]),
            ("/workspace/d/*", ["d/a"], ["a", "workspace/d/a"]),
            ("d/*", ["d/a"], ["d", "d/a/b", "e/d/a", "d/.a"]),
            ("d/**", ["d/a", "d/a/b"], ["d", "a", "d/.a", "d/.a/b", "d/a/.b"]),
            ("d/**/x", ["d/x", "d/a/x", "d/a/b/x"], ["x", "d/.a/x", "dx"]),
            ("**/x", ["x", "a/x", "a/b/x"], [".a/x", "x/y"]),
            ("a**b", ["ab", "axxb", "d/ab"], ["a/b"]),
            ("a/**/**/b", ["a/b", "a/x/y/z/b"], ["b"]),
            ("?", ["a", "é", "d/\u{1f600}"], ["ab", ".", ""]),
            ("[ab]c", ["ac", "bc"], ["cc", "c"]),
            ("[!ab]c", ["cc", "éc"], ["ac", ".c", "c"]),
            ("[^ab]c", ["cc"], ["ac"]),
            ("[a-cx]", ["a", "b", "x"], ["d"]),
            ("[]a]", ["]", "a"], ["b"]),
            ("[a-]", ["a", "-"], ["b"]),
            ("[à-ü]", ["é"], ["e", "z"]),
            ("[[:digit:]_]x", ["1x", "_x"], ["ax"]),
            ("[ab", ["[ab"], ["a"]),
            ("{a,b}.c", ["a.c", "b.c", "d/a.c"], ["c.c", "{a,b}.c"]),
            ("{a,{b,c}d}", ["a", "bd", "cd"], ["b", "ad"]),
            ("x{,y}", ["x", "xy"], ["y"]),
            ("{a}", ["{a}"], ["a"]),
            ("{a,b", ["{a,b"], ["a"]),
            ("{a{b,c}}", ["{ab}", "{ac}"], ["ab"]),
            ("{d/a,b}", ["d/a", "b"], ["e/d/a", "e/b"]),
            ("\\*", ["*"], ["a", "\\*"]),
            ("\\{a,b\\}", ["{a,b}"], ["a"]),
            ("[\\]]", ["]"], ["\\"]),
            (".*", [".a", "d/.a"], ["a"]),
            (".git/**", [".git/a", ".git/a/b"], [".git/.a", "d/.git/a"]),
            ("*a*b*c", ["abc", "xaxbxc", "aabbcc"], ["acb", "abcx"]),
        ] as [(String, [String], [String])]
    )
    func aPatternMatches(pattern: String, these: [String], notThose: [String]) throws {
        let glob = try GlobPattern(pattern)
        for path in these { #expect(glob.matches(try WorkspacePath(path)), "\(path)") }
        for path in notThose { #expect(!glob.matches(try WorkspacePath(path)), "\(path)") }
    }

    @Test func whatIsHiddenIsMatchedWhereThatIsAskedFor() throws {
        for pattern in ["*", "**", "?a", "[.]a", "d/**", "**/a"] {
            let glob = try GlobPattern(pattern)
            let path = try WorkspacePath(pattern == "d/**" ? "d/.d/.a" : pattern == "**/a" ? ".d/a" : ".a")
            #expect(!glob.matches(path), "\(pattern)")
            #expect(glob.matches(path, includesHidden: true), "\(pattern)")
        }
    }

    @Test func aSlashAtTheEndMeansDirectories() throws {
        let glob = try GlobPattern("*/")
        let path = try WorkspacePath("d")
        #expect(!glob.matches(path))
        #expect(glob.matches(path, isDirectory: true))
        #expect(!glob.matches(try WorkspacePath("d/e"), isDirectory: true))
    }

    /// Names are bytes: one that is no UTF-8 is matched byte by byte.
    @Test func bytesThatAreNoTextAreCharacters() throws {
        let path = try WorkspacePath([0x61, 0xff, 0xc3])
        #expect(try GlobPattern("a??").matches(path))
        #expect(try !GlobPattern("a?").matches(path))
        #expect(try GlobPattern([0x2a, 0xff, 0x2a]).matches(path))
        #expect(try GlobPattern("a[!x][!x]").matches(path))
        #expect(try !GlobPattern("a[à-ü]?").matches(path))
    }

    @Test(
        arguments: [
            "", "/", ".", "\\.", "{,}", "../a", "a/../b", "a/\\.\\./b", ".\\./a", "{a,\\..}/b", "a\0",
            String(repeating: "a", count: 4097),
            // More than any braces should come to.
            String(repeating: "{a,b}", count: 13), String(repeating: "{a,b}/", count: 300),
        ]
    )
    func whatIsNoPatternIsRefused(pattern: String) throws {
        let error = try #require(throws: BackendError.self) { try GlobPattern(pattern) }
        #expect(error.code == .invalidArgument)
    }

    /// What takes a naive matcher as long as there are ways to divide the name.
    @Test func manyRunsTakeNoTime() throws {
        let glob = try GlobPattern(String(repeating: "*a", count: 100) + "b")
        #expect(!glob.matches(try WorkspacePath(String(repeating: "a", count: 255))))
        let deep = try GlobPattern(String(repeating: "**/*a/", count: 200) + "b")
        #expect(!deep.matches(try WorkspacePath(String(repeating: "aa/", count: 1000) + "c")))
    }
}
