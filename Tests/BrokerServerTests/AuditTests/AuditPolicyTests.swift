import AgentBackend
import AuditLog
import BrokerTestKit
import BrokerWire
import Foundation
import Glibc
import NIOCore
import Testing

@testable import BrokerServer

/// What becomes of calls when the disk of the audit log is full: 64 KiB of it.
@Suite(.enabled(if: geteuid() == 0, "mounting takes root"), .timeLimit(.minutes(1)))
struct AuditPolicyTests {
    private func withFullDisk(
        _ onFailure: AuditSettings.OnFailure,
        _ body: (InProcessBroker, WireConversation, _ makeRoom: () throws -> Void) async throws -> Void
    ) async throws {
        var audit = ""
        defer { umount2(audit, Int32(MNT_DETACH)) }
        try await withConversation(configure: {
            audit = "\($0.root)/audit"
            mkdir($0.root, 0o711)
            mkdir(audit, 0o700)
            #expect(mount("tmpfs", audit, "tmpfs", 0, "size=64k,mode=700") == 0)
            $0.audit.isEnabled = true
            $0.audit.settings.onFailure = onFailure
        }) { broker, client in
            defer { umount2(audit, Int32(MNT_DETACH)) }
            let ballast = "\(audit)/ballast"
            try await client.write("x", to: "before")
            let descriptor = open(ballast, O_WRONLY | O_CREAT, 0o600)
            let piece = [UInt8](repeating: 0, count: 4096)
            while Glibc.write(descriptor, piece, piece.count) > 0 {}
            close(descriptor)
            try await body(broker, client) { try FileManager.default.removeItem(atPath: ballast) }
        }
    }

    @Test func nothingIsChangedWithoutARecordWhereThatIsThePolicy() async throws {
        try await withFullDisk(.refuse) { broker, client, makeRoom in
            var refused: String?
            for number in 0..<300 where refused == nil {
                do {
                    try await client.write("x", to: "f\(number)")
                } catch let error as BackendError {
                    refused = "f\(number)"
                    #expect(error.code == .resourceExhausted && error.reason == .noSpace)
                    #expect(error.isRetryable && !error.maybeExecuted && error.retryAfter != nil)
                    #expect(error.message.contains("audit log"))
                }
            }
            let name = try #require(refused)
            #expect(access("\(broker.workspace(key: "k"))/\(name)", F_OK) != 0)
            // Reads go on.
            #expect(try await client.read("before") == "x")
            try makeRoom()
            try await client.write("x", to: name)
            let records = try await broker.auditRecords(of: client)
            #expect(records.first?.subject == name && records.first?.kind == .call)
            let intent = try #require(records.first?.intent)
            #expect(records.contains { $0.kind == .intent && $0.sequence == intent && $0.subject == name })
            #expect(try broker.auditFiles.verify("acme").findings.isEmpty)
        }
    }

    @Test func callsGoOnAndAGapTellsOfThemWhereThatIsThePolicy() async throws {
        try await withFullDisk(.gap) { broker, client, makeRoom in
            // More than fits in what is left of a page.
            for number in 0..<100 { try await client.write("x", to: "f\(number)") }
            try makeRoom()
            let records = try await broker.auditRecords(of: client)
            let report = try broker.auditFiles.verify("acme")
            #expect(report.findings.isEmpty)
            #expect(report.missing > 0)
            #expect(UInt64(records.count { $0.operation == "write" }) + report.missing == 101)
        }
    }
}
