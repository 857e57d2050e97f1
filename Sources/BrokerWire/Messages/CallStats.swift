internal import AgentBackend
internal import CBrokerProtos

extension StatsReply {
    /// Calls of an org that wait, and what was refused; see `admin.proto`.
    package struct Calls: Sendable, Hashable {
        package var waiting: UInt32 = 0
        package var longestWait = Duration.zero
        package var bytesInFlight: UInt64 = 0
        package var orgConnectionsRefusals: UInt64 = 0
        package var orgCallsInFlightRefusals: UInt64 = 0
        package var orgRunningCommandsRefusals: UInt64 = 0
        package var orgBytesInFlightRefusals: UInt64 = 0
        package var orgQueuedCallsRefusals: UInt64 = 0
        package var orgCallsPerSecondRefusals: UInt64 = 0
        package var orgBytesPerSecondRefusals: UInt64 = 0
        package var callsInFlightRefusals: UInt64 = 0
        package var runningCommandsRefusals: UInt64 = 0

        package init() {}
    }
}

extension StatsReply.Calls: WireMessage {
    init(_ message: Agentbroker__V1__CallStats) {
        waiting = message.waiting
        longestWait = Duration(wireMicroseconds: message.longest_wait_us)
        bytesInFlight = message.bytes_in_flight
        orgConnectionsRefusals = message.org_connections_refusals
        orgCallsInFlightRefusals = message.org_calls_in_flight_refusals
        orgRunningCommandsRefusals = message.org_running_commands_refusals
        orgBytesInFlightRefusals = message.org_bytes_in_flight_refusals
        orgQueuedCallsRefusals = message.org_queued_calls_refusals
        orgCallsPerSecondRefusals = message.org_calls_per_second_refusals
        orgBytesPerSecondRefusals = message.org_bytes_per_second_refusals
        callsInFlightRefusals = message.calls_in_flight_refusals
        runningCommandsRefusals = message.running_commands_refusals
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__CallStats> {
        let message = builder.make(agentbroker__v1__call_stats__init)
        message.pointee.waiting = waiting
        message.pointee.longest_wait_us = longestWait.inMicroseconds
        message.pointee.bytes_in_flight = bytesInFlight
        message.pointee.org_connections_refusals = orgConnectionsRefusals
        message.pointee.org_calls_in_flight_refusals = orgCallsInFlightRefusals
        message.pointee.org_running_commands_refusals = orgRunningCommandsRefusals
        message.pointee.org_bytes_in_flight_refusals = orgBytesInFlightRefusals
        message.pointee.org_queued_calls_refusals = orgQueuedCallsRefusals
        message.pointee.org_calls_per_second_refusals = orgCallsPerSecondRefusals
        message.pointee.org_bytes_per_second_refusals = orgBytesPerSecondRefusals
        message.pointee.calls_in_flight_refusals = callsInFlightRefusals
        message.pointee.running_commands_refusals = runningCommandsRefusals
        return message
    }
}
