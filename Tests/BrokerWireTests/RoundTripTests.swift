import AgentBackend
import NIOCore
import Testing

@testable import BrokerWire

@Suite struct RoundTripTests {
    @Test func everyMessageOfAClient() throws {
        let decoder = ClientFrameDecoder()
        for (name, frame) in try Samples.client() {
            let bytes = message(of: frame)
            let decoded = try decoder.decode(bytes)
            #expect(describe(decoded) == describe(frame), "\(name)")
            #expect(message(of: decoded) == bytes, "\(name)")
        }
    }

    @Test func everyMessageOfABroker() throws {
        let decoder = ServerFrameDecoder()
        for (name, frame) in try Samples.server() {
            let bytes = message(of: frame)
            let decoded = try decoder.decode(bytes)
            #expect(describe(decoded) == describe(frame), "\(name)")
            #expect(message(of: decoded) == bytes, "\(name)")
        }
    }

    /// Who comes back a moment too early waits again.
    @Test(
        arguments: [
            (.zero, nil), (.nanoseconds(1), 1), (.milliseconds(7), 7), (.milliseconds(7) + .nanoseconds(1), 8),
        ] as [(Duration, Int?)]
    )
    func retryAfterIsRoundedUp(time: Duration, milliseconds: Int?) throws {
        let error = BackendError(.resourceExhausted, message: "", retryAfter: time)
        let frame = try ServerFrameDecoder().decode(message(of: ServerFrame(id: 1, body: .error(error))))
        guard case .error(let decoded) = frame.body else {
            Issue.record("\(frame)")
            return
        }
        #expect(decoded.retryAfter == milliseconds.map { .milliseconds($0) })
    }

    /// The samples are worth nothing if a new message is forgotten in them.
    @Test func samplesCoverEveryOperation() throws {
        var met: Set<String> = []
        for (_, frame) in try Samples.client() {
            guard case .call(let operation) = frame.body else { continue }
            switch operation {
            case .echo: met.insert("echo")
            case .acquire: met.insert("acquire")
            case .release: met.insert("release")
            case .describe: met.insert("describe")
            case .read: met.insert("read")
            case .write: met.insert("write")
            case .readdir: met.insert("readdir")
            case .stat: met.insert("stat")
            case .rm: met.insert("rm")
            case .exists: met.insert("exists")
            case .mkdir: met.insert("mkdir")
            case .touch: met.insert("touch")
            case .rename: met.insert("rename")
            case .copy: met.insert("copy")
            case .glob: met.insert("glob")
            case .grep: met.insert("grep")
            case .edit: met.insert("edit")
            case .readLines: met.insert("readLines")
            case .statMany: met.insert("statMany")
            case .readMany: met.insert("readMany")
            case .chmod: met.insert("chmod")
            case .symlink: met.insert("symlink")
            case .tree: met.insert("tree")
            case .diskUsage: met.insert("diskUsage")
            case .archive: met.insert("archive")
            case .extract: met.insert("extract")
            case .watch: met.insert("watch")
            case .uploadBegin: met.insert("uploadBegin")
            case .uploadAppend: met.insert("uploadAppend")
            case .uploadFinish: met.insert("uploadFinish")
            case .uploadAbort: met.insert("uploadAbort")
            case .checksum: met.insert("checksum")
            case .listKeys: met.insert("listKeys")
            case .deleteKey: met.insert("deleteKey")
            case .clearKeys: met.insert("clearKeys")
            case .listWorkspaces: met.insert("listWorkspaces")
            case .deleteWorkspace: met.insert("deleteWorkspace")
            case .execStart: met.insert("execStart")
            case .execList: met.insert("execList")
            case .execAttach: met.insert("execAttach")
            case .execWait: met.insert("execWait")
            case .execSignal: met.insert("execSignal")
            case .execResize: met.insert("execResize")
            case .stats: met.insert("stats")
            case .drain: met.insert("drain")
            case .connections: met.insert("connections")
            case .pools: met.insert("pools")
            case .logs: met.insert("logs")
            case .reload: met.insert("reload")
            case .listEntries: met.insert("listEntries")
            case .listCommands: met.insert("listCommands")
            case .killCommand: met.insert("killCommand")
            case .destroyEntry: met.insert("destroyEntry")
            case .audit: met.insert("audit")
            }
        }
        #expect(met.count == 54)
    }

    @Test func anErrorKeepsItsLimitAndWhatIsUnknown() throws {
        let decoded = try ServerFrameDecoder().decode(message(of: ServerFrame(id: 1, body: .error(Samples.error))))
        guard case .error(let error) = decoded.body else {
            Issue.record("\(decoded)")
            return
        }
        #expect(error.limit == LimitDetails(name: "memory_bytes", used: 3, allowed: .max))
        #expect(error.reason == .noSpace)
        #expect(error.systemErrno == 28)
        #expect(error.retryAfter == .milliseconds(250))
        #expect(error.isRetryable && error.maybeExecuted)
    }

    @Test func anEnvironmentKeepsItsOrderAndItsBytes() throws {
        var environment = Environment()
        for name in ["Z", "A", "M"] { try environment.set(Array(name.utf8), to: [0xff]) }
        try environment.set(Array("A".utf8), to: [])
        let start = ExecStart(program: nil, environment: environment)
        let decoded = try ClientFrameDecoder().decode(message(of: ClientFrame(id: 1, body: .call(.execStart(start)))))
        guard case .call(.execStart(let found)) = decoded.body else {
            Issue.record("\(decoded.body)")
            return
        }
        #expect(found.environment == environment)
    }

    @Test func codesAndReasonsOfANewerPeerKeepTheirNumbers() throws {
        let error = BackendError(.init(rawValue: 4_000_000_000), reason: .init(rawValue: 77), message: "m")
        let decoded = try ServerFrameDecoder().decode(message(of: ServerFrame(id: 1, body: .error(error))))
        guard case .error(let error) = decoded.body else {
            Issue.record("\(decoded)")
            return
        }
        #expect(error.code.rawValue == 4_000_000_000)
        #expect(error.reason?.rawValue == 77)
    }

    /// A directory's page of the broker's limit, whatever the names are, is unpacked within the client's budget.
    @Test(arguments: [1, 2, 4, 16, 255], [false, true])
    func aFullPageOfNames(length: Int, withDetails: Bool) throws {
        let info = FileInfo(kind: .regular, size: 1, modifiedNanoseconds: 1, permissions: 0)
        let entry = DirectoryEntry(name: Array(repeating: 0x61, count: length), info: withDetails ? info : nil)
        let page = DirectoryPage(entries: Array(repeating: entry, count: 1000), isTruncated: false)
        let decoded = try ServerFrameDecoder().decode(message(of: ServerFrame(id: 1, body: .reply(.readdir(page)))))
        guard case .reply(.readdir(let found)) = decoded.body else {
            Issue.record("\(decoded.body)")
            return
        }
        #expect(found == page)
    }

    /// What a shell makes of `*` in a large directory.
    @Test(arguments: [1, 4, 20])
    func manyArguments(length: Int) throws {
        let argument = [UInt8](repeating: 0x61, count: length)
        let start = ExecStart(program: .arguments(Array(repeating: argument, count: 10_000)))
        let decoded = try ClientFrameDecoder().decode(message(of: ClientFrame(id: 1, body: .call(.execStart(start)))))
        guard case .call(.execStart(let found)) = decoded.body else {
            Issue.record("\(decoded.body)")
            return
        }
        #expect(found.program == start.program)
    }
}
