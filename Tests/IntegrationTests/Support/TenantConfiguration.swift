import AgentBackend
import BrokerClient
import BrokerServer
import Foundation

/// A configuration file that a test changes while a broker runs by it.
struct TenantConfiguration: Sendable {
    struct Token: Sendable {
        let issued: IssuedToken
        /// What else to say of it, as lines of YAML without indentation.
        var lines: [String] = []
    }

    struct Tenant: Sendable {
        let name: String
        var tokens: [Token]
        /// What else to say of the org.
        var lines: [String] = []

        init(_ name: String, tokens: [String] = ["ci"]) throws {
            self.name = name
            self.tokens = try tokens.map { Token(issued: try IssuedToken(org: name, name: $0)) }
        }

        var token: String { tokens[0].issued.token }
    }

    let path: String
    /// What else to say.
    var lines: [String] = []
    var tenants: [Tenant]
    /// Of an org of its own.
    let operatorToken: String

    init(in directory: String, _ tenants: Tenant..., lines: [String] = []) throws {
        path = "\(directory)/broker.yaml"
        let issued = try IssuedToken(org: "operators", name: "ops", role: .operator)
        operatorToken = issued.token
        var operators = try Tenant("operators", tokens: [])
        operators.tokens = [Token(issued: issued, lines: ["role: operator"])]
        self.tenants = [operators] + tenants
        self.lines = lines
        try save()
    }

    subscript(name: String) -> Tenant? {
        get { tenants.first { $0.name == name } }
        set {
            tenants.removeAll { $0.name == name }
            if let newValue { tenants.append(newValue) }
        }
    }

    /// Puts it in the place of the file, in one piece.
    func save(mistake: String? = nil) throws {
        try Data((text.joined(separator: "\n") + "\n" + (mistake.map { "\($0)\n" } ?? "")).utf8)
            .write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// The number of the line that `save(mistake:)` adds.
    var mistakenLine: Int { text.count + 1 }

    private var text: [String] {
        var text = lines + ["orgs:"]
        for tenant in tenants {
            text.append("  - name: \(tenant.name)")
            text += tenant.lines.map { "    \($0)" }
            if !tenant.tokens.isEmpty { text.append("    tokens:") }
            for token in tenant.tokens {
                text.append("      - id: \"\(token.issued.id)\"")
                text.append("        name: \(token.issued.name)")
                text.append("        hash: \"\(token.issued.hash)\"")
                text += token.lines.map { "        \($0)" }
            }
        }
        return text
    }
}

/// Runs a broker by the configuration, with its root beside the file.
func withBrokerProcess<Value: Sendable>(
    by configuration: TenantConfiguration,
    _ body: (BrokerProcess) async throws -> Value
) async throws -> Value {
    let root = URL(fileURLWithPath: configuration.path).deletingLastPathComponent().path + "/root"
    return try await withBrokerProcess(["--root", root, "--config", configuration.path], body)
}

extension BrokerProcess {
    /// Connections with these tokens, in their order, while `body` runs.
    func withConnections<Value>(
        _ tokens: String...,
        body: ([BrokerConnection]) async throws -> Value
    ) async throws -> Value {
        try await withConnections(tokens[...], after: [], body)
    }

    private func withConnections<Value>(
        _ tokens: ArraySlice<String>,
        after connections: [BrokerConnection],
        _ body: ([BrokerConnection]) async throws -> Value
    ) async throws -> Value {
        guard let token = tokens.first else { return try await body(connections) }
        return try await BrokerConnection.withConnection(to: BrokerAddress(ready.wire), token: token) { connection in
            try await withConnections(tokens.dropFirst(), after: connections + [connection], body)
        }
    }
}

/// The error that `body` throws; nil: none, or another kind.
func failure(_ body: () async throws -> Void) async -> BackendError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? BackendError
    }
}
