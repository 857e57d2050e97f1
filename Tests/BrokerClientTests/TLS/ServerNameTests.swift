import Testing

@testable import BrokerClient

@Suite struct ServerNameTests {
    @Test(arguments: [
        ("a.example.com", "a.example.com", true), ("a.example.com", "A.Example.COM", true),
        ("a.example.com.", "a.example.com", true), ("a.example.com", "*.example.com", true),
        ("a.b.example.com", "*.example.com", false), ("example.com", "*.example.com", false),
        (".example.com", "*.example.com", false), ("a.example.org", "*.example.com", false), ("localhost", "*", false),
        ("a.example.com", "example.com", false), ("a.example.com", "", false),
        ("a.example.com", "a*.example.com", false),
    ])
    func namesOfCertificatesCoverNames(name: String, certified: String, isCovered: Bool) {
        #expect(ServerName(text: name).isCovered(by: Array(certified.utf8)) == isCovered)
    }
}
