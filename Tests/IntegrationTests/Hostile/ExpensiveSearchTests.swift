import AgentBackend
import BrokerClient
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// What takes the broker long to read or to search takes no more memory than its caps, and no other org's calls wait
    /// for its end.
    @Suite struct ExpensiveSearchTests {
        private static let target = BrokerTarget(backend: .localFilesystem, key: "k")
        /// Of resident memory, for all that is asked here.
        private static let bound = 64 << 20
        /// Of the other org, beside each kind of call.
        private static let calls = 200

        @Test(.timeLimit(.minutes(10)))
        func nobodyElseNotices() async throws {
            try await withScratchDirectory { directory in
                let orgs = try await OrgFile(orgs: [WellBehavedOrg.name, "slow"], in: directory)
                let good = try #require(orgs.tokens[WellBehavedOrg.name])
                let token = try #require(orgs.tokens["slow"])
                let root = "\(directory)/root"
                try await withBrokerProcess(["--root", root, "--config", orgs.path]) { broker in
                    let address = try BrokerAddress(broker.ready.wire)
                    try await BrokerConnection.withConnection(to: address, token: token) { searcher in
                        try await Self.makeFiles(searcher, in: "\(root)/v1/orgs/slow/k")
                        try await WellBehavedOrg.calling(broker, token: good) { org in
                            try await org.waitForCalls(Self.calls)
                            try broker.forgetPeak()
                            let start = broker.memory.resident
                            try await Self.search(searcher, beside: org)
                            let memory = broker.memory
                            #expect(memory.peak < start + Self.bound, "\(start >> 20) MiB before, then \(memory)")
                        }
                    }
                }
            }
        }

        private static func makeFiles(_ searcher: BrokerConnection, in directory: String) async throws {
            let line = String(repeating: "a", count: 100) + "b\n"
            let lines = ByteBuffer(string: String(repeating: line, count: 1000))
            _ = try await searcher.write(try WorkspacePath("lines"), lines, on: target)
            _ = try await searcher.write(try WorkspacePath("large"), ByteBuffer(), on: target)
            try #require(truncate("\(directory)/large", 2 << 30) == 0)
            _ = try await searcher.write(try WorkspacePath("growing"), ByteBuffer(), on: target)
        }

        private static func search(_ searcher: BrokerConnection, beside org: WellBehavedOrg) async throws {
            try await whileCalling(org) {
                let options = GrepOptions(path: try WorkspacePath("lines"))
                let pattern = try GrepPattern("(a+)+$", isRegularExpression: true)
                let page = try await searcher.grep(pattern, options: options, on: target)
                #expect(page.files.isEmpty)
                #expect(page.undecided == FileCallLimits().maximumUndecidedLines)
            }
            try await whileCalling(org) {
                let page = try await searcher.readLines(try WorkspacePath("large"), on: target)
                #expect(page.text.count <= LineWindow.maximumBytes)
            }
            await #expect(throws: BackendError.self) {
                try await searcher.read(try WorkspacePath("large"), on: target)
            }
            let piece = ByteBuffer(string: String(repeating: "needle\n", count: 9000))
            try await whileCalling(org) {
                let growing = try WorkspacePath("growing")
                let options = WriteOptions(mode: .append)
                _ = try await searcher.write(growing, piece, options: options, on: target)
            } _: {
                let options = GrepOptions(path: try WorkspacePath("growing"), limit: 10)
                let page = try await searcher.grep(try GrepPattern("needle"), options: options, on: target)
                #expect(page.files.allSatisfy { $0.matches.count <= 10 })
            }
        }

        /// Makes calls of each kind again and again, until the other org has made some beside them.
        private static func whileCalling(
            _ org: WellBehavedOrg,
            _ calls: (@Sendable () async throws -> Void)...
        ) async throws {
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for call in calls {
                    group.addTask {
                        repeat { try await call() } while !isOver.isSet
                    }
                }
                defer { isOver.set() }
                try await org.waitForCalls(Self.calls)
                isOver.set()
                try await group.waitForAll()
            }
        }
    }
}
