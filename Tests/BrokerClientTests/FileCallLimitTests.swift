import AgentBackend
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

@testable import BrokerClient

/// What the configuration says of glob, tree, grep, readLines and edit holds for both kinds of backends.
@Suite(.timeLimit(.minutes(1))) struct FileCallLimitTests {
    private static let types = [BackendType.memory, .localFilesystem]

    private func withFiles(
        _ contents: [String: String],
        in type: BackendType,
        _ limit: (inout FileCallLimits) -> Void,
        _ body: (BrokerConnection, BrokerTarget) async throws -> Void
    ) async throws {
        try await withBroker(configure: { limit(&$0.files) }) { (broker: InProcessBroker) async throws in
            let address = try BrokerAddress("127.0.0.1:\(broker.port)")
            try await BrokerConnection.withConnection(to: address, token: broker.token()) { connection in
                let target = BrokerTarget(backend: type, key: "k")
                for (name, text) in contents {
                    try await connection.write(WorkspacePath(name), ByteBuffer(string: text), on: target)
                }
                try await body(connection, target)
            }
        }
    }

    private static let someFiles = Dictionary(uniqueKeysWithValues: (0..<6).map { ("f\($0)", "a\nb\nmatch\nc\nd\n") })

    @Test(arguments: types)
    func pagesAreNoLongerThanTheyMayBe(type: BackendType) async throws {
        try await withFiles(Self.someFiles, in: type) {
            $0.maximumGlobMatches = 3
            $0.maximumTreeEntries = 4
            $0.maximumGrepMatches = 2
        } _: { connection, target in
            let (f1, f2, f3) = (try WorkspacePath("f1"), try WorkspacePath("f2"), try WorkspacePath("f3"))
            for limit in [0, 100] {
                let found = try await connection.glob(
                    try GlobPattern("f*"),
                    options: GlobOptions(limit: limit),
                    on: target
                )
                #expect(found.files.count == 3 && found.next == f2)
                let tree = try await connection.tree(TreeOptions(limit: limit), on: target)
                #expect(tree.files.count == 4 && tree.next == f3)
                let lines = try await connection.grep(
                    try GrepPattern("match"),
                    options: GrepOptions(limit: limit),
                    on: target
                )
                #expect(lines.files.count == 2 && lines.next == f1)
            }
            #expect(
                try await connection.glob(try GlobPattern("f*"), options: GlobOptions(limit: 2), on: target).files.count
                    == 2
            )
        }
    }

    @Test(arguments: types)
    func aPageHasSoManyBytesAndLooksAtSoManyNames(type: BackendType) async throws {
        try await withFiles(Self.someFiles, in: type) {
            $0.maximumPageBytes = 40
        } _: { connection, target in
            let found = try await connection.glob(try GlobPattern("f*"), on: target)
            #expect(found.files.count == 3, "each takes 18 bytes")
            #expect(try await connection.tree(on: target).files.count == 3)
            #expect(try await connection.grep(try GrepPattern("match"), on: target).files.count == 2)
        }
        try await withFiles(Self.someFiles, in: type) {
            $0.maximumLooks = 2
        } _: { connection, target in
            // A directory of the disk is looked at as a whole, keys one by one.
            #expect(try await connection.glob(try GlobPattern("*5"), on: target).next != nil)
            let tree = try await connection.tree(on: target)
            #expect(tree.files.count <= 2 && tree.next != nil)
            let lines = try await connection.grep(try GrepPattern("match"), on: target)
            #expect(lines.files.count <= 2 && lines.next != nil)
        }
    }

    @Test(arguments: types)
    func linesAndStepsOfAGrepAreBounded(type: BackendType) async throws {
        let line = String(repeating: "a", count: 30) + "b\n"
        try await withFiles(["f": "match\n" + String(repeating: line, count: 5)], in: type) {
            $0.maximumGrepContext = 1
            $0.maximumGrepLineBytes = 4
            $0.maximumGrepSteps = 1000
            $0.maximumUndecidedLines = 2
        } _: { connection, target in
            let options = GrepOptions(contextBefore: 5, contextAfter: 5)
            let literal = try await connection.grep(try GrepPattern("match"), options: options, on: target)
            #expect(
                literal.files.first?.matches == [
                    GrepMatch(line: 1, text: Array("matc".utf8), after: [Array("aaaa".utf8)])
                ]
            )
            // In 200,000 steps it would be told.
            let slow = try GrepPattern("^(a|aa)+c|match", isRegularExpression: true)
            let undecided = try await connection.grep(slow, options: options, on: target)
            #expect(undecided.undecided == 2 && undecided.files.first?.isTruncated == true)
        }
    }

    @Test(arguments: types)
    func linesOfAFileAndEditsAreBounded(type: BackendType) async throws {
        try await withFiles(["f": "one\ntwo\nthree\n", "g": String(repeating: "x", count: 40)], in: type) {
            $0.maximumWindowBytes = 10
            $0.maximumEditedBytes = 30
            $0.maximumDiffBytes = 20
        } _: { connection, target in
            let page = try await connection.readLines(WorkspacePath("f"), on: target)
            #expect(String(decoding: page.text, as: UTF8.self) == "one\ntwo\n" && page.isTruncated)
            let edit = try await connection.edit(WorkspacePath("f"), [TextEdit("one", "1")], on: target)
            #expect(edit.diff == nil && edit.replacements == [1])
            for (path, new) in [("f", String(repeating: "y", count: 40)), ("g", "y")] {
                let old = path == "f" ? "two" : "x"
                let error = await #expect(throws: BackendError.self) {
                    let change = TextEdit(old, new, replacesAll: true)
                    try await connection.edit(WorkspacePath(path), [change], on: target)
                }
                #expect(error?.reason == .tooLarge, "\(path)")
            }
        }
    }
}
