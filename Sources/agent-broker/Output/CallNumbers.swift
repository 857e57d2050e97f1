import AgentBackend
import BrokerClient

/// What is told of the calls that wait, and were refused, by the names that JSON and plain output have for it.
struct CallNumbers {
    let calls: BrokerStatistics.Calls

    var all: [(StaticString, UInt64)] {
        [
            ("calls_waiting", UInt64(calls.waiting)),
            ("calls_longest_wait_us", calls.longestWait.inMicroseconds),
            ("bytes_in_flight", calls.bytesInFlight),
            ("org_connections_refusals", calls.orgConnectionsRefusals),
            ("org_calls_in_flight_refusals", calls.orgCallsInFlightRefusals),
            ("org_running_commands_refusals", calls.orgRunningCommandsRefusals),
            ("org_bytes_in_flight_refusals", calls.orgBytesInFlightRefusals),
            ("org_queued_calls_refusals", calls.orgQueuedCallsRefusals),
            ("org_calls_per_second_refusals", calls.orgCallsPerSecondRefusals),
            ("org_bytes_per_second_refusals", calls.orgBytesPerSecondRefusals),
            ("calls_in_flight_refusals", calls.callsInFlightRefusals),
            ("running_commands_refusals", calls.runningCommandsRefusals),
        ]
    }
}
