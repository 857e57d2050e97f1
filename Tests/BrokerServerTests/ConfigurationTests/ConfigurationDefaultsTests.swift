import Testing

@testable import BrokerServer

@Suite struct ConfigurationDefaultsTests {
    @Test(arguments: [
        (true, ["HOME": "/root", "XDG_STATE_HOME": "/x"], "/var/lib/agent-broker"),
        (false, ["HOME": "/home/a", "XDG_STATE_HOME": "/x"], "/x/agent-broker"),
        (false, ["HOME": "/home/a", "XDG_STATE_HOME": "relative"], "/home/a/.local/state/agent-broker"),
        (false, ["HOME": "/home/a"], "/home/a/.local/state/agent-broker"),
        (false, [:], "/var/lib/agent-broker"),
    ])
    func theRootDependsOnTheUser(isPrivileged: Bool, variables: [String: String], root: String) {
        #expect(BrokerConfiguration.defaultRoot(isPrivileged: isPrivileged) { variables[$0] } == root)
    }

    @Test func theDefaultsAreWithoutContradictions() {
        let configuration = BrokerConfiguration()
        #expect(throws: Never.self) { try configuration.validate() }
        #expect(!configuration.node.isEmpty)
        #expect(configuration.identities.range == 200_000..<265_536)
    }

    /// What the file may say includes what is said without one.
    @Test func everyDefaultIsAllowedInAFile() {
        let limits = BrokerConfiguration.Limits()
        let exec = BrokerConfiguration.Exec()
        let text = """
            limits:
              max_file_bytes: \(Quantity.text(bytes: limits.maxFileBytes))
              max_frame_bytes: \(Quantity.text(bytes: limits.maxFrameBytes))
              connection_window_bytes: \(Quantity.text(bytes: limits.connectionWindowBytes))
              auth_failure_delay: \(Quantity.text(limits.authFailureDelay))
              keepalive_interval: \(Quantity.text(limits.keepaliveInterval))
            exec:
              default_timeout: \(Quantity.text(exec.defaultTimeout))
              max_timeout: \(Quantity.text(exec.maxTimeout))
            """
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        #expect(configuration.apply(yaml: Array(text.utf8), named: "b.yaml").isEmpty)
        #expect(configuration == BrokerConfiguration(root: "/r", node: "n"))
    }
}
