internal import AgentBackend
internal import BrokerClient
internal import BrokerServer
internal import ModelContextProtocol

/// As the page gets it.
extension Overview {
    var json: JSONValue {
        var json: JSONValue = [
            "time_ms": .integer(time),
            "uptime_ms": .count(uptime.inMilliseconds),
            "version": .string(identity.serverVersion),
            "node": .string(identity.node),
            "draining": .bool(isDraining),
            "orgs": .array(orgs.elements.map { $0.json(latencies[$0.org]) }),
            "entries": .array(entries.elements.map(\.json)),
            "entries_truncated": .bool(entries.isTruncated),
            "execs": .array(commands.elements.map(\.json)),
            "execs_truncated": .bool(commands.isTruncated),
        ]
        json.set("latency", latency?.json)
        json.set("unfollowed", unfollowed.map(JSONValue.string))
        return json
    }

    /// What a page that comes later is told of it.
    var sample: JSONValue {
        let orgs = orgs.elements.map { org in
            var json = org.json(latencies[org.org])
            json.set("limits", nil)
            return json
        }
        var json: JSONValue = ["time_ms": .integer(time), "orgs": .array(orgs)]
        json.set("latency", latency?.json)
        return json
    }

    /// Of all orgs that are seen.
    private var latency: LatencyHistogram? {
        let seen = orgs.elements.compactMap { latencies[$0.org] }
        return seen.isEmpty ? nil : seen.reduce(into: LatencyHistogram()) { $0 += $1 }
    }
}

extension BrokerPool {
    fileprivate func json(_ latency: LatencyHistogram?) -> JSONValue {
        var json: JSONValue = [
            "org": .string(org),
            "connections": .count(UInt64(connections)),
            "calls_ok": .count(callsOK),
            "calls_failed": .count(callsFailed),
            "calls_in_flight": .count(UInt64(callsInFlight)),
            "calls_waiting": .count(UInt64(calls.waiting)),
            "longest_wait_us": .count(calls.longestWait.inMicroseconds),
            "bytes_in_flight": .count(calls.bytesInFlight),
            "execs_running": .count(UInt64(execsRunning)),
            "pool": pool.json,
            "refusals": calls.refusals,
            "limits": .array(limits.map(\.json)),
        ]
        json.set("latency", latency?.json)
        return json
    }
}

extension LatencyHistogram {
    fileprivate var json: JSONValue {
        [
            "count": .count(count),
            "p50_us": .count((percentile(50) ?? .zero).inMicroseconds),
            "p90_us": .count((percentile(90) ?? .zero).inMicroseconds),
            "p99_us": .count((percentile(99) ?? .zero).inMicroseconds),
            "max_us": .count((maximum ?? .zero).inMicroseconds),
        ]
    }
}

extension BrokerStatistics.Pool {
    fileprivate var json: JSONValue {
        [
            "active": .count(UInt64(active)),
            "idle": .count(UInt64(idle)),
            "creating": .count(UInt64(creating)),
            "waiting": .count(UInt64(waiting)),
            "longest_wait_us": .count(longestWait.inMicroseconds),
            "hits": .count(hits),
            "misses": .count(misses),
            "evictions": .count(evictions),
            "timeouts": .count(timeouts),
            "refusals": .count(refusals),
        ]
    }
}

extension BrokerStatistics.Calls {
    fileprivate var refusals: JSONValue {
        [
            "org_connections": .count(orgConnectionsRefusals),
            "org_calls_in_flight": .count(orgCallsInFlightRefusals),
            "org_running_commands": .count(orgRunningCommandsRefusals),
            "org_bytes_in_flight": .count(orgBytesInFlightRefusals),
            "org_queued_calls": .count(orgQueuedCallsRefusals),
            "org_calls_per_second": .count(orgCallsPerSecondRefusals),
            "org_bytes_per_second": .count(orgBytesPerSecondRefusals),
            "calls_in_flight": .count(callsInFlightRefusals),
            "running_commands": .count(runningCommandsRefusals),
        ]
    }
}

extension BrokerLimitUse {
    fileprivate var json: JSONValue {
        ["name": .string(name), "used": .count(used), "allowed": .count(allowed), "unit": .string(unit)]
    }

    private var unit: String {
        if name.hasSuffix("bytes") || name.hasSuffix("bytes_in_flight") { return "bytes" }
        return ["connections", "commands", "entries", "inodes", "watches", "directories"].first { name.hasSuffix($0) }
            ?? "calls"
    }
}

extension BrokerEntryInfo {
    fileprivate var json: JSONValue {
        [
            "org": .string(org),
            "key": .string(key),
            "backend": .string(backend == .memory ? "memory" : "local"),
            "state": .string(state.rawValue),
            "leases": .count(UInt64(leases)),
            "age_ms": .count(age.inMilliseconds),
            "idle_ms": .count(idle.inMilliseconds),
            "execs": .count(UInt64(commandsRunning)),
            "bytes": .count(bytes),
        ]
    }
}

extension BrokerCommandInfo {
    fileprivate var json: JSONValue {
        [
            "org": .string(org),
            "key": .string(key),
            "scope": .string(scope.isEmpty ? "/" : WorkspacePath.printable(scope)),
            "exec": .count(number),
            "command": .string(command),
            "isolation": .string(isolation),
            "started_ms": .integer(startedNanoseconds / 1_000_000),
            "attachable": .bool(isInBackground),
            "stdout_bytes": .count(written.standardOutput),
            "stderr_bytes": .count(written.standardError),
        ]
    }
}
