import BrokerTestKit

/// What `/metrics` said, by series: `name{label="value",…}`.
struct Scrape {
    let reply: HTTPPeer.Reply
    let series: [String: Double]

    /// By whoever may, from the loopback or with a token.
    static func of(_ broker: InProcessBroker, token: String? = nil) async throws -> Scrape {
        var caller = MCPCaller(broker)
        caller.path = "/metrics"
        let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
        return Scrape(
            try await caller.send("", method: "GET", headers: headers, without: token == nil ? ["authorization"] : [])
        )
    }

    private init(_ reply: HTTPPeer.Reply) {
        self.reply = reply
        let lines = reply.body.split(separator: "\n").filter { !$0.hasPrefix("#") }
        series = Dictionary(
            lines.compactMap { line in
                guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                    return nil
                }
                return (String(line[..<space]), value)
            }
        ) { first, _ in first }
    }

    subscript(series name: String) -> Double? { series[name] }

    /// The series of a name that have a label of this value, by the rest of their labels.
    func family(_ name: String, org: String) -> [String: Double] {
        let lead = "\(name){org=\"\(org)\","
        let members = series.filter { $0.key.hasPrefix(lead) }.map {
            (String($0.key.dropFirst(lead.count).dropLast()), $0.value)
        }
        return Dictionary(uniqueKeysWithValues: members)
    }
}
