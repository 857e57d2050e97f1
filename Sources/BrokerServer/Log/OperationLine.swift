internal import AgentBackend
internal import BrokerWire
internal import Glibc

/// A record as one line of JSON.
struct OperationLine {
    let bytes: [UInt8]

    init(_ record: OperationRecord, at time: Int64) {
        var line = JSONLine()
        line.add("time", Self.timestamp(time))
        line.add("org", record.org)
        line.add("key", record.key)
        if !record.scope.isEmpty { line.add("scope", record.scope) }
        line.add("operation", record.operation)
        line.add("subject", String(decoding: record.subject.utf8.prefix(Self.maximumSubject), as: UTF8.self))
        line.add("ok", record.failure == nil)
        if let failure = record.failure { line.add("error", failure.description) }
        if let exitCode = record.exitCode { line.add("exit_code", exitCode) }
        line.add("duration_us", record.duration.inMicroseconds)
        line.add("bytes", record.bytes)
        bytes = line.text + [UInt8(ascii: "\n")]
    }

    /// Says that so many lines are missing here.
    init(dropped count: UInt64, at time: Int64) {
        var line = JSONLine()
        line.add("time", Self.timestamp(time))
        line.add("dropped", count)
        bytes = line.text + [UInt8(ascii: "\n")]
    }

    /// Bytes of a path or command that are logged.
    private static let maximumSubject = 1024

    /// RFC 3339, in UTC, with microseconds.
    private static func timestamp(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(nanoseconds % 1_000_000_000 / 1000, 6))Z"
    }
}
