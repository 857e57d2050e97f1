import Testing

@testable import agent_broker

@Suite struct ArgumentOrderTests {
    @Test(arguments: [
        ("read x", "read x"),
        ("--key k read x", "read x --key k"),
        ("--key=k --json read x", "read x --key=k --json"),
        ("--json exec --key k -- ls --json", "exec --key k --json -- ls --json"),
        ("--key k exec -- --token t", "exec --key k -- --token t"),
        ("--json token new --org o", "token new --org o --json"),
        ("token --json new --org o", "token new --org o --json"),
        ("--token t read x", "read x --token t"),
        ("--scope token read x", "read x --scope token"),
        (
            "--tls --tls-ca a --tls-cert=c --tls-key k --tls-server-name n ls",
            "ls --tls --tls-ca a --tls-cert=c --tls-key k --tls-server-name n"
        ),
        ("--help", "--help"),
        ("--version --json", "--version --json"),
        ("--key", "--key"),
        ("--key k", "--key k"),
        ("--unknown read --key k", "--unknown read --key k"),
        ("", ""),
        ("-- read", "-- read"),
    ])
    func sharedOptionsGoBehindTheCommand(given: String, expected: String) {
        let arguments = given.split(separator: " ").map(String.init)
        #expect(ArgumentOrder.normalized(arguments).joined(separator: " ") == expected)
    }
}
