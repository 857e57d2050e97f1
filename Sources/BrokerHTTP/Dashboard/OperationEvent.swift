internal import AgentBackend
internal import ModelContextProtocol

/// An operation that a page is told of: one that failed, or a command. A value.
struct OperationEvent: Sendable {
    let json: JSONValue

    /// From a record of the operations log. Nil: it is not to be told.
    init?(_ record: JSONValue, now: Int64 = systemWallClock()) {
        guard let operation = record["operation"]?.text else { return nil }
        guard record["ok"]?.flag == false || operation == "exec" else { return nil }
        var event: JSONValue = ["time_ms": .integer(now / 1_000_000)]
        for name in ["org", "key", "operation", "subject"] { event.set(name, record[name]) }
        event.set("scope", .string(record["scope"]?.text ?? "/"))
        for name in ["duration_us", "bytes", "error", "exit_code"] { event.set(name, record[name]) }
        json = event
    }
}
