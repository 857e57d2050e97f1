import AgentBackend
import Foundation
import Glibc

@testable import AuditLog

/// A directory for one test, gone with it.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/audit-log-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw AuditFault("mkdtemp", "/tmp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var files: AuditFiles { AuditFiles(path: path) }

    func directory(of org: String = "acme") -> AuditDirectory { files.org(org) }

    func contents(_ name: String, of org: String = "acme") throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: directory(of: org).path(of: name))))
    }

    func put(_ bytes: [UInt8], _ name: String, of org: String = "acme") throws {
        try Data(bytes).write(to: URL(filePath: directory(of: org).path(of: name)))
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: directory().path(of: name))
    }

    /// Names of the files with records, the oldest first.
    func segments(of org: String = "acme") throws -> [String] { try directory(of: org).segments().map(\.name) }

    func lines(_ name: String, of org: String = "acme") throws -> [[UInt8]] {
        try contents(name, of: org).split(separator: UInt8(ascii: "\n")).map(Array.init)
    }

    func records(of org: String = "acme") throws -> [AuditRecord] {
        try segments(of: org).flatMap { try lines($0, of: org).compactMap { AuditRecord(line: $0) } }
    }

    /// A log in it for the time of `body`.
    func withLog(
        _ settings: AuditSettings = AuditSettings(),
        notices: Notices = Notices(),
        _ body: (AuditLog) async throws -> Void
    ) async throws {
        let log = try AuditLog(path: path, settings: settings, clock: .real) { notices.add($0) }
        do {
            try await body(log)
        } catch {
            await log.close()
            throw error
        }
        await log.close()
    }
}

/// What a log said of itself.
final class Notices: @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []

    func add(_ notice: AuditNotice) {
        lock.withLock {
            switch notice {
            case .failing(let org, let fault): texts.append("\(org) fails: \(fault.errno)")
            case .recovered(let org, let missing): texts.append("\(org) recovered: \(missing)")
            }
        }
    }

    var all: [String] { lock.withLock { texts } }
}

extension AuditClock {
    static var real: AuditClock {
        let start = ContinuousClock.now
        return AuditClock(
            wall: systemWallClock,
            elapsed: { start.duration(to: .now) },
            sleep: { try await Task.sleep(for: $0) }
        )
    }
}

extension AuditTime {
    static func at(_ seconds: Int) -> AuditTime {
        AuditTime(wall: Int64(seconds) * 1_000_000_000, elapsed: .seconds(seconds))
    }
}

func event(
    _ subject: String = "/a",
    of org: String = "acme",
    operation: String = "write",
    key: String = "ci",
    failure: BackendError.Code? = nil,
    time: Int64 = systemWallClock()
) -> AuditEvent {
    AuditEvent(
        .call,
        OperationRecord(
            operation: operation,
            org: org,
            key: key,
            subject: subject,
            failure: failure,
            duration: .microseconds(12),
            bytes: 3,
            time: time
        ),
        by: AuditCaller(tokenID: "t1", tokenName: "agent", connection: 7, peer: "127.0.0.1:4711", client: "test")
    )
}
