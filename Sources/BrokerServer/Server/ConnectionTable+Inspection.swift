internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What is done with connections on their event loops: a task per event loop and not per connection.
extension ConnectionTable {
    /// Has all connections go by other tokens. Returns how many ended for that.
    func renew(by tokens: TokenDirectory, maximumCallsInFlight: Int) async -> Int {
        let counts = await onEventLoops(all) { members in
            [members.count { !$0.connection.renew(by: tokens, maximumCallsInFlight: maximumCallsInFlight) }]
        }
        return counts.reduce(0, +)
    }

    /// At most `limit` connections whose number is above `number`, in their order. `org` nil: of all orgs.
    func list(of org: Org.ID?, after number: UInt64, limit: Int) async -> ConnectionPage {
        let (members, isTruncated) = page(of: org, after: number, limit: limit)
        let connections = await onEventLoops(members) { members in
            members.compactMap { member in
                var description = member.connection.describe()
                description?.number = member.number
                return description
            }
        }
        // One that ended meanwhile is missing: a page that lost all of its own must not look like the last.
        guard connections.isEmpty, isTruncated, let last = members.last?.number else {
            return ConnectionPage(connections: connections.sorted { $0.number < $1.number }, isTruncated: isTruncated)
        }
        return await list(of: org, after: last, limit: limit)
    }

    private func onEventLoops<Result: Sendable>(
        _ members: [NumberedConnection],
        _ body: @escaping @Sendable ([NumberedConnection]) -> [Result]
    ) async -> [Result] {
        var results: [Result] = []
        for group in Dictionary(grouping: members, by: { ObjectIdentifier($0.connection.eventLoop) }).values {
            guard let eventLoop = group.first?.connection.eventLoop else { continue }
            // One that is shut down has no connections.
            results += (try? await eventLoop.submit { body(group) }.get()) ?? []
        }
        return results
    }
}

/// A connection as the table knows it.
struct NumberedConnection: Sendable {
    let number: UInt64
    let connection: ConnectionHandler
}
