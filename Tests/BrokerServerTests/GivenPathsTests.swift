import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct GivenPathsTests {
    @Test func whatIsNoPathIsAnsweredInItsPlace() throws {
        let given = ["../x", "a", "b\0", "/workspace/c"].map { Array($0.utf8) }
        let paths = try GivenPaths(given)
        #expect(paths.valid == [try WorkspacePath("a"), try WorkspacePath("c")])
        let failure = BackendError(.readFailed, reason: .notFound, message: "none")
        let merged = paths.merging([.success(1), .failure(failure)])
        let codes = merged.map { result -> BackendError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(codes == [.pathEscapeAttempt, nil, .invalidArgument, .readFailed])
        #expect(try merged[1].get() == 1)
    }

    @Test func thereAreNotMoreThanOneCallMayBeAbout() throws {
        let wrong = Array("..".utf8)
        #expect(try GivenPaths(Array(repeating: wrong, count: 1000)).valid.isEmpty)
        for many in [
            Array(repeating: wrong, count: 1001), Array(repeating: Array(repeating: 0, count: 1000), count: 200),
        ] {
            let error = #expect(throws: BackendError.self) { try GivenPaths(many) }
            #expect(error?.reason == .tooLarge)
        }
    }
}
