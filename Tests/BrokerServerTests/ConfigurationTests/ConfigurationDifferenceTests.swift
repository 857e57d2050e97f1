import AgentBackend
import Testing

@testable import BrokerServer

/// In what two configurations differ, and which of it a broker that runs can take over.
@Suite struct ConfigurationDifferenceTests {
    private func read(_ text: String, replacing running: BrokerConfiguration? = nil) -> (
        configuration: BrokerConfiguration, problems: [String]
    ) {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let problems = configuration.apply(yaml: Array(text.utf8), named: "broker.yaml", replacing: running)
        return (configuration, problems.map(\.description))
    }

    private func differences(_ old: String, _ new: String) -> [String] {
        read(old).configuration.differences(to: read(new).configuration).map(\.description)
    }

    private static let hash = String(repeating: "0123456789abcdef", count: 4)

    private static func org(_ name: String, _ ids: [String], _ more: String = "") -> String {
        "  - name: \(name)\n    tokens:\n"
            + ids.map { "      - {id: \"\($0)\", hash: \"\(hash)\"\(more)}\n" }.joined()
    }

    @Test func namesWhatDiffersAndNothingElse() {
        let (one, two) = ("0123456789abcdef", "fedcba9876543210")
        let old = "pool: {max_entries: 5}\norgs:\n" + Self.org("a", [one, two]) + Self.org("b", [])
        #expect(differences(old, old) == [])
        let reordered = "orgs:\n" + Self.org("b", []) + Self.org("a", [two, one]) + "pool: {max_entries: 5}\n"
        #expect(differences(old, reordered) == [])
        let new = "exec: {grace: 1s}\nnode: m\norgs:\n" + Self.org("c", []) + Self.org("a", [two], ", read_only: true")
        #expect(
            differences(old, new) == [
                "node changed", "pool.max_entries changed", "exec.grace changed", "orgs[c] added",
                "orgs[a].tokens[\(two)].read_only changed", "orgs[a].tokens[\(one)] removed", "orgs[b] removed",
            ]
        )
    }

    @Test func whatIsFixedIsRefusedWhereItStands() throws {
        let running = read("orgs: [{name: a}]\nlimits: {max_file_bytes: 5}\n").configuration
        #expect(read("orgs: [{name: a}, {name: b}]\nlimits: {max_file_bytes: 6}\n", replacing: running).problems == [])
        let problems = read(
            "orgs: [{name: a}]\nlisten: []\nunix_socket: /s\nlimits:\n  max_frame_bytes: 5MiB\n",
            replacing: running
        ).problems
        #expect(
            problems.map { $0.prefix { $0 != " " } } == ["broker.yaml:2:9:", "broker.yaml:3:14:", "broker.yaml:5:20:"]
        )
        #expect(problems.allSatisfy { $0.contains("restart it to change") })
    }

    /// Where the key is gone, the line is that of what it was in.
    @Test func whatIsFixedCannotGoAwayEither() {
        let running = read("orgs: [{name: a}]\nlimits:\n  max_frame_bytes: 5MiB\n").configuration
        let emptied = read("orgs: [{name: a}]\nlimits:\n", replacing: running).problems
        #expect(emptied.count == 1 && emptied[0].hasPrefix("broker.yaml:2:8: limits.max_frame_bytes: "), "\(emptied)")
        let gone = read("orgs: [{name: a}]\n", replacing: running).problems
        #expect(gone.count == 1 && gone[0].hasPrefix("broker.yaml:1:1: limits.max_frame_bytes: "), "\(gone)")
    }

    @Test func tlsCannotComeOrGo() {
        let plain = "orgs: [{name: a}]\n"
        let tls = plain + "tls: {cert: /c, key: /k}\n"
        let come = read(tls, replacing: read(plain).configuration).problems
        #expect(come.count == 1 && come[0].hasPrefix("broker.yaml:2:13: tls.cert: "), "\(come)")
        #expect(read(plain, replacing: read(tls).configuration).problems.count == 1)
        #expect(read(plain + "tls: {cert: /d, key: /k}\n", replacing: read(tls).configuration).problems == [])
    }

    /// A file that was emptied by mistake locks nobody out.
    @Test func orgsCannotAllGoAway() {
        let running = read("orgs: [{name: a}]\n").configuration
        #expect(read("orgs: []\n", replacing: running).problems.count == 1)
        #expect(read("orgs: []\n", replacing: read("orgs: []\n").configuration).problems == [])
    }

    @Test func anOperatorIsNotNarrowedToKeys() {
        let problems = read("orgs:\n" + Self.org("a", ["0123456789abcdef"], ", role: operator, keys: [k]")).problems
        #expect(problems.count == 1 && problems[0].contains("orgs[0].tokens[0].role"), "\(problems)")
    }
}
