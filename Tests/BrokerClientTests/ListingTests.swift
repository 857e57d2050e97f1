import AgentBackend
import BrokerWire
import Testing

@testable import BrokerClient

/// What a broker lists a page at a time, besides directories.
@Suite(.timeLimit(.minutes(1))) struct ListingTests {
    @Test func keysAreReadAPageAtATime() async throws {
        let scripted = try await ScriptedConnection()
        async let listing = {
            var keys: [String] = []
            for try await key in scripted.connection.keys(prefix: Array("p".utf8), on: ScriptedConnection.target) {
                keys.append(String(decoding: key.bytes, as: UTF8.self))
            }
            return keys
        }()
        var asked: [String] = []
        for (id, page) in [(UInt64(1), ["pa", "pb"]), (2, ["pc"])] {
            guard case .listKeys(let list) = try await scripted.broker.receiveCall().operation else { break }
            #expect(list.prefix == Array("p".utf8))
            asked.append(String(decoding: list.options.after, as: UTF8.self))
            let keys = try page.map { try WorkspacePath($0) }
            try await scripted.broker.send(.part(id, .listKeys(KeyPage(keys: keys, isTruncated: id < 2))))
        }
        #expect(asked == ["", "pb"])
        let keys = try await listing
        #expect(keys == ["pa", "pb", "pc"])
    }

    @Test func workspacesAreReadAPageAtATime() async throws {
        let scripted = try await ScriptedConnection()
        async let listing = {
            var workspaces: [BrokerWorkspace] = []
            for try await workspace in scripted.connection.workspaces() { workspaces.append(workspace) }
            return workspaces
        }()
        let described = ["a", "b", "c"].enumerated().map { index, key in
            WorkspaceDescription(key: key, isLive: index == 1, usedNanoseconds: Int64(index))
        }
        var asked: [String] = []
        for (id, page) in [(UInt64(1), described[..<2]), (2, described[2...])] {
            let call = try await scripted.broker.receiveCall()
            guard case .listWorkspaces(let list) = call.operation, call.target == nil else { break }
            asked.append(list.after)
            let answer = WorkspacePage(workspaces: Array(page), isTruncated: id < 2)
            try await scripted.broker.send(.part(id, .listWorkspaces(answer)))
        }
        #expect(asked == ["", "b"])
        let workspaces = try await listing
        #expect(workspaces.map(\.key) == ["a", "b", "c"])
        #expect(workspaces.map(\.isLive) == [false, true, false])
        #expect(workspaces.map(\.usedNanoseconds) == [0, 1, 2])
    }

    /// 0 says on the wire that there is no limit: it must not be taken for one.
    @Test(arguments: [
        EntryConfiguration(limits: EntryLimits(maximumFileBytes: 0)),
        EntryConfiguration(limits: EntryLimits(maximumMemoryBytes: 0)),
        EntryConfiguration(limits: EntryLimits(maximumLeases: 0)),
        EntryConfiguration(limits: EntryLimits(maximumExecTimeout: .microseconds(999))),
        EntryConfiguration(idleTimeout: .zero),
    ])
    func aLimitOfNothingIsNotSent(configuration: EntryConfiguration) async throws {
        let scripted = try await ScriptedConnection()
        let error = await #expect(throws: BackendError.self) {
            try await scripted.connection.acquire(ScriptedConnection.target, configuration: configuration)
        }
        #expect(error?.code == .invalidArgument)
    }
}
