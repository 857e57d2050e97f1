import AgentBackend
import NIOCore
import Testing

@testable import ModelContextProtocol

/// What tools do beyond what the official server does, on a backend in memory.
@Suite struct ToolTests {
    private let backend = MemoryBackend()

    private func call(
        _ name: String,
        _ arguments: JSONValue,
        resultBytes: Int = 4096
    ) async throws -> ToolResult {
        let tool = try #require(ToolTable.tool(name))
        let context = ToolContext(
            backend: backend,
            commands: HeldCommands(),
            owner: HeldCommands.Owner(),
            limits: ToolLimits(resultBytes: resultBytes)
        )
        return try await tool.call(ToolArguments(arguments.object ?? JSONObject()), in: context)
    }

    private func texts(_ result: ToolResult) -> [String] { result.content.compactMap { $0["text"]?.text } }

    @Test func aLongFileIsCutAndReadOn() async throws {
        let lines = (1...1000).map { "line \($0)\n" }
        try await backend.write("long", lines.joined())
        let first = try await call("read_text_file", ["path": "long"])
        #expect(texts(first).count == 2)
        var whole = texts(first)[0]
        #expect(whole.utf8.count <= 4096 && whole.hasSuffix("\n"))
        let told = whole.split(separator: "\n").count
        #expect(texts(first)[1].contains("lines 1 to \(told) of 1000; read on with read_lines, offset \(told)"))
        var next: Int64? = Int64(told)
        while let offset = next {
            let page = try await call("read_lines", ["path": "long", "offset": .integer(offset)])
            whole += page.structured?["content"]?.text ?? ""
            next = page.structured?["next"]?.wholeNumber
        }
        #expect(whole == lines.joined())
    }

    @Test func aLongLineIsCutBetweenCharacters() async throws {
        try await backend.write("line", String(repeating: "ä", count: 4000))
        let result = try await call("read_text_file", ["path": "line"], resultBytes: 4097)
        #expect(texts(result)[0].count == 2048)
    }

    @Test func searchesArePagedByTheirSize() async throws {
        for index in 100..<200 { try await backend.write("d/\(index)", "needle\nneedle\n") }
        for (tool, count) in [("glob", 100), ("grep", 200)] {
            var (found, after) = ([JSONValue](), JSONValue.null)
            var pages = 0
            repeat {
                let page = try await call(
                    tool,
                    ["pattern": tool == "glob" ? "d/*" : "needle", "after": after],
                    resultBytes: 1024
                )
                found += page.structured?[tool == "glob" ? "files" : "matches"]?.elements ?? []
                after = page.structured?["next"] ?? .null
                pages += 1
            } while after != .null
            #expect(found.count == count && Set(found).count == count && pages > 1, "\(tool)")
        }
    }

    @Test func listingsSayThatTheyAreCut() async throws {
        for index in 0..<500 { try await backend.write("d/file-\(index)", "") }
        for tool in ["list_directory", "directory_tree", "search_files"] {
            let result = try await call(tool, ["path": "d", "pattern": "*"])
            #expect(texts(result).last?.hasPrefix("[cut ") == true, "\(tool)")
        }
        let tree = try await call("directory_tree", ["path": "d"])
        #expect(try JSONParser.parse(ByteBuffer(string: texts(tree)[0])).elements?.isEmpty == false)
    }

    /// Also of those that are none, of which the backend does not hear.
    @Test func pathsOfOneCallAreBounded() async throws {
        for paths in [
            Array(repeating: JSONValue.string(".."), count: ManyFiles.maximumCount + 1),
            [.string(String(repeating: "x", count: ManyFiles.maximumPathBytes + 1))],
        ] {
            await #expect {
                try await call("read_multiple_files", ["paths": .array(paths)])
            } throws: { ($0 as? BackendError)?.reason == .tooLarge }
        }
        let most = Array(repeating: JSONValue.string(".."), count: ManyFiles.maximumCount)
        let result = try await call("read_multiple_files", ["paths": .array(most)])
        #expect(texts(result)[0].split(separator: "\n---\n").count == ManyFiles.maximumCount)
    }

    @Test func moveNeverReplaces() async throws {
        try await backend.write("a", "1")
        try await backend.write("b", "2")
        await #expect(throws: BackendError.self) { try await call("move_file", ["source": "a", "destination": "b"]) }
        #expect(try await backend.readText("b") == "2")
    }

    @Test(arguments: [
        ("a\n  b\nc\n", "b\nc", "x\ny", "a\n  x\ny\n"),
        ("one\r\ntwo\r\n", "two\n", "2\n", "one\r\n2\r\n"),
        ("x\n    a\n    b\n", "a\n  b", "c\n  d", "x\n    c\n    d\n"),
        ("same same", "same", "other", "other same"),
    ])
    func editsAsTheOfficialServerDoes(_ old: String, _ text: String, _ new: String, _ wanted: String) async throws {
        try await backend.write("f", old)
        let edit: JSONValue = ["oldText": .string(text), "newText": .string(new)]
        _ = try await call("edit_file", ["path": "f", "edits": [edit]])
        #expect(try await backend.readText("f") == wanted)
    }

    @Test func saysWhichArgumentIsWrong() async throws {
        for (arguments, name) in [
            (["path": 1], "path"), (["path": "f", "head": "x"], "head"), (["path": "f", "head": -1], "head"),
            (["path": "f", "head": .number(1.5)], "head"), ([:], "path"),
        ] as [(JSONValue, String)] {
            await #expect {
                try await call("read_text_file", arguments)
            } throws: { error in
                (error as? BackendError)?.code == .invalidArgument && "\(error)".contains("argument \(name) ")
            }
        }
        await #expect(throws: BackendError.self) { try await call("exec", ["command": "true"]) }
    }
}
