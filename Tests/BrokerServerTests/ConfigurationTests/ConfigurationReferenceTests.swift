import AgentBackend
import Foundation
import Testing

@testable import BrokerServer

/// The README's table has every key that a configuration file may have.
@Suite struct ConfigurationReferenceTests {
    @Test func namesEveryKey() throws {
        let readme = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../../README.md").standardizedFileURL,
            encoding: .utf8
        )
        let sections: [(prefix: String, keys: [String])] = [
            ("tls.", BrokerConfiguration.TLS.fields.map(\.key)),
            ("http.", BrokerConfiguration.HTTP.fields.map(\.key)),
            ("limits.", BrokerConfiguration.Limits.fields.map(\.key)),
            ("pool.", BrokerConfiguration.Pool.fields.map(\.key)),
            ("exec.", BrokerConfiguration.Exec.fields.map(\.key)),
            ("memory.", BrokerConfiguration.Memory.fields.map(\.key)),
            ("watch.", BrokerConfiguration.Watch.fields.map(\.key)),
            ("files.", FileCallLimits.fields.map(\.key)),
            ("retention.", BrokerConfiguration.Retention.fields.map(\.key)),
            ("identities.", BrokerConfiguration.Identities.fields.map(\.key)),
            ("log.", BrokerConfiguration.Log.fields.map(\.key)),
            ("audit.", BrokerConfiguration.Audit.fields.map(\.key)),
            ("orgs[].", OrgConfiguration.fields.map(\.key)),
        ]
        let nested = Set([
            "tls", "http", "limits", "pool", "exec", "memory", "watch", "files", "retention", "identities", "log",
            "audit",
            "orgs",
        ])
        let top = BrokerConfiguration.fields.map(\.key).filter { !nested.contains($0) }
        for key in top + sections.flatMap({ section in section.keys.map { section.prefix + $0 } }) {
            #expect(readme.contains("| `\(key)` |") || readme.contains("| `\(key)[]` |"), "\(key)")
        }
        for key in OrgConfiguration.Limits.fields.map(\.key) + OrgConfiguration.Retention.fields.map(\.key)
            + OrgConfiguration.Exec.fields.map(\.key)
        {
            #expect(readme.contains("`\(key)`"), "\(key)")
        }
    }
}
