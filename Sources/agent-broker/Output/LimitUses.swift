import AgentBackend
import BrokerClient

/// What an org has in use of what it may, as JSON and plain output have it.
struct LimitUses {
    let limits: [BrokerLimitUse]

    /// An object with one for each limit: used, allowed.
    var json: JSONLine {
        var object = JSONLine()
        for limit in limits {
            var use = JSONLine()
            use.add("used", limit.used)
            use.add("allowed", limit.allowed)
            object.add(named: limit.name, use)
        }
        return object
    }

    /// A name and value each.
    var lines: [String] {
        limits.flatMap { ["\($0.name)_used \($0.used)", "\($0.name)_allowed \($0.allowed)"] }
    }

    /// Bytes on the disk, used and allowed.
    var disk: String {
        guard let disk = limits.first(where: { $0.name == "org_disk_bytes" }) else { return "-" }
        return "\(disk.used)/\(disk.allowed)"
    }
}
