import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct IdentityTableTests {
    @Test func givesEachOrgTheNextNumber() {
        var table = IdentityTable()
        #expect(table.allocate(for: "a", from: 100..<110) { _ in false } == HostIdentity(uid: 100, gid: 100))
        #expect(table.allocate(for: "b", from: 100..<110) { _ in false } == HostIdentity(uid: 101, gid: 101))
        #expect(table.identity(of: "a") == HostIdentity(uid: 100, gid: 100))
        #expect(table.identity(of: "c") == nil)
    }

    @Test func skipsNumbersThatAreTaken() {
        var table = IdentityTable()
        #expect(table.allocate(for: "a", from: 100..<110) { $0 < 105 }?.uid == 105)
        #expect(table.allocate(for: "b", from: 100..<110) { _ in false }?.uid == 100)
    }

    @Test func hasAnEnd() {
        var table = IdentityTable()
        #expect(table.allocate(for: "a", from: 100..<101) { _ in false } != nil)
        let full = table
        #expect(table.allocate(for: "b", from: 100..<101) { _ in false } == nil)
        #expect(table == full)
    }

    @Test func readsWhatItWrites() throws {
        var table = IdentityTable()
        for org in ["a", "b", "A"] { _ = table.allocate(for: org, from: 100..<110) { _ in false } }
        #expect(try IdentityTable(decoding: table.encode()) == table)
        #expect(try IdentityTable(decoding: IdentityTable().encode()) == IdentityTable())
    }

    /// Cut at any place, the file is damaged or is still whole: never is a shorter table read.
    @Test func noticesThatTheEndIsMissing() throws {
        var table = IdentityTable()
        for org in ["a", "b"] { _ = table.allocate(for: org, from: 100..<110) { _ in false } }
        let bytes = try table.encode()
        for length in bytes.indices {
            if let read = try? IdentityTable(decoding: Array(bytes.prefix(length))) { #expect(read == table) }
        }
    }

    @Test(arguments: [
        ("", "damaged"), ("null", "damaged"), ("{\"version\":1}", "damaged"),
        ("{\"version\":1,\"identities\":[{\"org\":\"a\",\"uid\":-1,\"gid\":-1}]}", "damaged"),
        ("{\"version\":2,\"identities\":[]}", "has format 2, this broker knows 1"),
        ("{\"version\":1,\"identities\":[{\"org\":\"a\",\"uid\":0,\"gid\":0}]}", "root's"),
        ("{\"version\":1,\"identities\":[{\"org\":\"a\",\"uid\":5,\"gid\":6}]}", "not its gid"),
        ("{\"version\":1,\"identities\":[{\"org\":\"../a\",\"uid\":5,\"gid\":5}]}", "can be none"),
        (
            "{\"version\":1,\"identities\":[{\"org\":\"a\",\"uid\":5,\"gid\":5},{\"org\":\"a\",\"uid\":6,\"gid\":6}]}",
            "twice"
        ),
        (
            "{\"version\":1,\"identities\":[{\"org\":\"a\",\"uid\":5,\"gid\":5},{\"org\":\"b\",\"uid\":5,\"gid\":5}]}",
            "twice"
        ),
    ])
    func refusesWhatIsNoTable(text: String, part: String) {
        let fault = #expect(throws: IdentityTable.Fault.self) { try IdentityTable(decoding: Array(text.utf8)) }
        #expect(fault?.message.contains(part) == true)
    }
}
