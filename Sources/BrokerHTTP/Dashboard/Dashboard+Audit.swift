internal import AgentBackend
internal import BrokerClient
internal import Hummingbird
internal import ModelContextProtocol

/// The search of the audit log.
extension Dashboard {
    /// A page of what was done and refused, the newest first.
    func audit(_ request: Request, _ client: BrokerConnection) async throws(BackendError) -> Response {
        let given = request.uri.queryParameters
        func text(_ name: Substring) -> String? { given[name].flatMap { $0.isEmpty ? nil : String($0) } }
        func number<Number: FixedWidthInteger>(_ name: Substring) throws(BackendError) -> Number? {
            guard let text = text(name) else { return nil }
            guard let number = Number(text) else {
                throw BackendError(.invalidArgument, message: "\(name) is a number, and not that large")
            }
            return number
        }
        let (since, until): (Int64?, Int64?) = (try number("since_ms"), try number("until_ms"))
        let query = BrokerAuditQuery(
            org: text("org"),
            key: text("key"),
            operation: text("operation"),
            isFailedOnly: text("failed") == "1",
            text: text("text") ?? "",
            since: since.map(Self.nanoseconds),
            until: until.map(Self.nanoseconds)
        )
        let page = try await client.audit(query, before: try number("before"), limit: try number("limit"))
        return Response(
            json: [
                "records": .array(page.records.map(\.json)),
                "next_before": page.nextBefore.map(JSONValue.count) ?? .null,
            ]
        )
    }

    private static func nanoseconds(_ milliseconds: Int64) -> Int64 {
        let (product, isTooLarge) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return isTooLarge ? (milliseconds < 0 ? .min : .max) : product
    }
}

extension BrokerAuditRecord {
    fileprivate var json: JSONValue {
        var json: JSONValue = [
            "seq": .count(sequence),
            "time_ms": .integer(time / 1_000_000),
            "org": .string(org),
            "key": .string(key),
            "principal": .string(tokenName.isEmpty ? tokenID : "\(tokenName) (\(tokenID))"),
            "peer": .string(peer),
            "operation": .string(operation),
            "subject": .string(subject),
            "scope": .string(scope.isEmpty ? "/" : scope),
            "outcome": .string(outcome),
            "duration_us": .count(duration.inMicroseconds),
        ]
        json.set("exit_code", exitCode.map { JSONValue.count(UInt64($0)) })
        json.set("exec", exec.map(JSONValue.count))
        json.set("end", end.isEmpty ? nil : JSONValue.string(end))
        return json
    }
}
