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
                            try await org.waitForCalls(200)
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
            for _ in 0..<32 {
                let options = WriteOptions(mode: .append)
                _ = try await searcher.write(try WorkspacePath("growing"), piece, options: options, on: target)
            }
        }

        private static let piece = ByteBuffer(string: String(repeating: "needle\n", count: 50_000))

        private static func search(_ searcher: BrokerConnection, beside org: WellBehavedOrg) async throws {
            try await untilCalled(org) {
                let options = GrepOptions(path: try WorkspacePath("lines"))
                let pattern = try GrepPattern("(a+)+$", isRegularExpression: true)
                let page = try await searcher.grep(pattern, options: options, on: target)
                #expect(page.files.isEmpty)
                #expect(page.undecided == FileCallLimits().maximumUndecidedLines)
            }
            try await untilCalled(org) {
                let page = try await searcher.readLines(try WorkspacePath("large"), on: target)
                #expect(page.text.count <= LineWindow.maximumBytes)
            }
            let error = try await #require(throws: BackendError.self) {
                try await searcher.read(try WorkspacePath("large"), on: target)
            }
            #expect(error.code == .readFailed)
            #expect(error.reason == .tooLarge)
            try await whileGrowing(searcher) {
                try await untilCalled(org) {
                    let options = GrepOptions(path: try WorkspacePath("growing"))
                    let page = try await searcher.grep(try GrepPattern("no such line"), options: options, on: target)
                    #expect(page.files.isEmpty)
                }
            }
        }

        /// Searches again and again, until the other org's callers have had more answers than if each had had to wait for
        /// the end of a search.
        private static func untilCalled(_ org: WellBehavedOrg, _ search: () async throws -> Void) async throws {
            let before = org.calls
            for searches in 1...100 {
                try await search()
                let most = WellBehavedOrg.callers * (searches + WellBehavedOrg.callsAtATime)
                if org.calls - before > most { return }
            }
            Issue.record("beside 100 searches no more than \(org.calls - before) calls were answered")
        }

        private static func whileGrowing(_ writer: BrokerConnection, _ body: () async throws -> Void) async throws {
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let options = WriteOptions(mode: .append)
                    while !isOver.isSet {
                        _ = try await writer.write(try WorkspacePath("growing"), piece, options: options, on: target)
                    }
                }
                try await body()
                isOver.set()
                try await group.waitForAll()
            }
        }
    }
}
