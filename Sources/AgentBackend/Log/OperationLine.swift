internal import Glibc

/// A record as one line of text.
package enum OperationLine: LineFormat {
    /// An object with the members `time`, `org`, `key`, `scope`, `operation`, `subject`, `ok`, `error`, `exit_code`,
    /// `duration_us`, `bytes`, `stdout`, `stderr`; those that say nothing are left out.
    case json
    /// `[AgentBackend] exec: make test (exit 2)`
    case console

    /// With its line feed.
    package func bytes(_ record: OperationRecord) -> [UInt8] {
        switch self {
        case .json: Self.json(record).text + [UInt8(ascii: "\n")]
        case .console: Array(Self.console(record).utf8) + [UInt8(ascii: "\n")]
        }
    }

    /// Says that so many lines are missing here.
    package func bytes(missing count: UInt64, at time: Int64) -> [UInt8] {
        switch self {
        case .json:
            var line = JSONLine()
            line.add("time", Self.timestamp(time))
            line.add("dropped", count)
            return line.text + [UInt8(ascii: "\n")]
        case .console:
            return Array((Self.console(missing: count) + "\n").utf8)
        }
    }

    static func console(_ record: OperationRecord) -> String {
        let line = "[AgentBackend] \(record.operation): \(WorkspacePath.printable(record.subject.utf8))"
        if let failure = record.failure { return line + " (\(failure))" }
        if let exitCode = record.exitCode, exitCode != 0 { return line + " (exit \(exitCode))" }
        return line
    }

    static func console(missing count: UInt64) -> String {
        "[AgentBackend] \(count) operations are missing here: the log could not keep up"
    }

    private static func json(_ record: OperationRecord) -> JSONLine {
        var line = JSONLine()
        line.add("time", timestamp(record.time))
        line.add("org", record.org)
        line.add("key", record.key)
        if !record.scope.isEmpty { line.add("scope", record.scope) }
        line.add("operation", record.operation)
        line.add("subject", record.subject)
        line.add("ok", record.failure == nil)
        if let failure = record.failure { line.add("error", failure.description) }
        if let exitCode = record.exitCode { line.add("exit_code", exitCode) }
        line.add("duration_us", record.duration.inMicroseconds)
        line.add("bytes", record.bytes)
        if !record.standardOutput.isEmpty { line.add("stdout", String(decoding: record.standardOutput, as: UTF8.self)) }
        if !record.standardError.isEmpty { line.add("stderr", String(decoding: record.standardError, as: UTF8.self)) }
        return line
    }

    /// RFC 3339, in UTC, with microseconds.
    package static func timestamp(_ nanoseconds: Int64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var seconds = time_t(rest < 0 ? whole - 1 : whole)
        let microseconds = (rest < 0 ? rest + 1_000_000_000 : rest) / 1000
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(microseconds, 6))Z"
    }
}
