import Testing

@testable import AgentBackend

@Suite struct LinkTargetTests {
    @Test func theTextIsTheShortestRelativePath() throws {
        for (directory, target, text) in [
            ("", "f", "f"), ("", "/workspace/a/f", "a/f"), ("", ".", "."), ("", "/workspace", "."), ("a/b", "f", "f"),
            ("a/b", "../f", "../f"), ("a/b", "../b/f", "f"), ("a/b", "/workspace/a/c", "../c"), ("a/b", "..", ".."),
            ("a/b", "/workspace", "../.."), ("a/b", "/workspace/a/b", "."), ("a/b", "x/../../../a/bc/.", "../bc"),
            ("a", "//workspace//f/", "../f"), ("a", "...", "..."), ("a", "../..f", "../..f"),
        ] {
            let found = try LinkTarget(target).text(in: try WorkspacePath(directory))
            #expect(String(decoding: found, as: UTF8.self) == text, "\(target) from \(directory)")
        }
    }

    @Test func nothingLeadsOutside() throws {
        for (directory, target) in [("", ".."), ("", "a/../.."), ("a", "../.."), ("a/b", "../../../a/b")] {
            let target = try LinkTarget(target)
            let error = #expect(throws: BackendError.self) { try target.text(in: try WorkspacePath(directory)) }
            #expect(error?.code == .pathEscapeAttempt)
        }
        for text in ["/", "/etc", "/workspacex", "/workspace/..", "/workspace/../workspace"] {
            #expect(#expect(throws: BackendError.self) { try LinkTarget(text) }?.code == .pathEscapeAttempt, "\(text)")
        }
    }
}
