internal import FoundationEssentials

/// The broker's configuration file, as far as loads need it. What is nil is left to the broker.
struct BrokerConfiguration: Encodable {
    var orgs: [Org]
    var exec: Exec?
    var limits: Limits?
    var pool: Pool?
    var audit: Audit?

    struct Exec: Encodable {
        var max_running: Int?
        var grace: String?
        var max_ended_background: Int?
    }

    struct Limits: Encodable {
        var queue_timeout: String?
        var max_connections: Int?
        var max_connections_per_org: Int?
        var auth_failure_delay: String?
        var max_auth_failure_delay: String?
    }

    struct Pool: Encodable {
        var max_entries: Int?
        var max_entries_per_org: Int?
        var idle_timeout: String?
        var cleanup_interval: String?
    }

    struct Audit: Encodable {
        var enabled = true
        var on_failure: String
    }

    struct Org: Encodable {
        var name: String
        var tokens: [Token]
    }

    struct Token: Encodable {
        var id: String
        var name = "load"
        var hash: String
        var role: String?
        var read_only: Bool?
    }

    /// As JSON, which is YAML, with `settings` merged over it.
    func write(to path: String, _ settings: JSONValue? = nil) throws(LoadFailure) {
        do {
            let own = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(self))
            try JSONEncoder().encode(settings.map(own.merged) ?? own).write(to: URL(filePath: path))
        } catch {
            throw .child("cannot write \(path): \(error)")
        }
    }
}

extension BrokerConfiguration.Token {
    init(_ credential: BrokerCredential, role: String? = nil, read_only: Bool? = nil) {
        self.init(id: credential.id, hash: credential.hash, role: role, read_only: read_only)
    }
}
