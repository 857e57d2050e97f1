import AgentBackend
import AuditLog
import BrokerTestKit
import BrokerWire
import Foundation
import NIOCore
import Testing

@testable import BrokerServer

/// Every operation that changes something has a record.
@Suite(.timeLimit(.minutes(1))) struct AuditCoverageTests {
    /// One of each, and more: of the corpus, which has all there are.
    private static func operations() throws -> [BrokerWire.Operation] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Corpus/wire").standardizedFileURL
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        let decoder = ClientFrameDecoder()
        return try names.filter { $0.hasPrefix("client-") && !$0.hasSuffix("-all-said") }.compactMap { name in
            let bytes = try Data(contentsOf: directory.appending(path: name))
            // Behind the byte that tells the fuzzer what it is.
            let message = ByteBuffer(bytes: bytes.dropFirst())
            guard case .call(let operation)? = try? decoder.decode(message).body else { return nil }
            return operation
        }
    }

    @Test func whatChangesSomethingIsRecorded() throws {
        let changes = try Self.operations().filter(\.isModifying)
        #expect(Set(changes.map(\.name)).count >= 18)
        for operation in changes { #expect(operation.isAudited, "\(operation.name)") }
    }

    /// Over the wire, with files and in memory; on the spot and where it waits; by each policy.
    @Test(arguments: [BackendType.localFilesystem, .memory], AuditSettings.OnFailure.allCases)
    func eachCallOfOneIsInTheLog(_ backend: BackendType, _ onFailure: AuditSettings.OnFailure) async throws {
        let audited = try Self.operations().filter(\.isAudited)
        try await withConversation(configure: {
            $0.audit.isEnabled = true
            $0.audit.settings.onFailure = onFailure
        }) { broker, client in
            for key in ["", "once-"] {
                for (index, operation) in audited.enumerated() {
                    let special = key.isEmpty ? nil : CallOptions.Special(idempotencyKey: "\(key)\(index)")
                    _ = try await client.answers(to: client.frame(operation, backend: backend, special: special))
                }
            }
            let records = try await broker.auditRecords(of: client)
            for name in Set(audited.map(\.name)) {
                let (found, count) = (records.filter { $0.operation == name }, audited.count { $0.name == name })
                #expect(found.count { $0.kind == .call } == 2 * count, "\(name): \(found.map(\.outcome))")
                if onFailure == .refuse { #expect(found.count { $0.kind == .intent } == 2 * count, "\(name)") }
            }
            #expect(records.allSatisfy { $0.org == "acme" && $0.tokenName == "test" && $0.client == "test" })
            #expect(records.allSatisfy { $0.connection == 1 && $0.peer.hasPrefix("127.0.0.1:") })
        }
    }

    @Test func withoutALogNothingIsKept() async throws {
        try await withConversation { broker, client in
            try await client.write("x", to: "f")
            #expect(!broker.entries(of: ".").contains("audit"))
            let error = await #expect(throws: BackendError.self) {
                try await client.call(client.frame(.audit(QueryAudit())))
            }
            #expect(error?.code == .notFound)
        }
    }
}

extension InProcessBroker {
    var auditFiles: AuditFiles { AuditFiles(path: "\(root)/audit") }

    /// All that is recorded of an org, the newest first. What was recorded before a query that is itself recorded is on the
    /// disk with that.
    func auditRecords(of client: WireConversation, org: String = "acme") async throws -> [AuditRecord] {
        let mark = "mark-\(client.nextID())"
        _ = try await client.answers(to: client.frame(.touch(Touch(path: Array(mark.utf8))), key: "marks"))
        var query = AuditQuery()
        query.includesIntents = true
        while true {
            let records = try auditFiles.page(of: org, query, limit: 10_000).records
            if let index = records.firstIndex(where: { $0.subject == mark && $0.kind == .call }) {
                return records[(index + 1)...].filter { $0.key != "marks" }
            }
            await Task.yield()
        }
    }
}
