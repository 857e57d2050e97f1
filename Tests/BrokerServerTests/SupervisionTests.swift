import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

/// What the environment says of a supervisor, and what of it counts.
@Suite struct SupervisionTests {
    private static let foreign: [(count: String?, process: String?)] = [
        (nil, "\(getpid())"), ("1", nil), ("1", "1"), ("1", ""),
    ]

    @Test(arguments: foreign)
    func socketsOfOthersAreLeftAlone(count: String?, process: String?) throws {
        #expect(try InheritedSocket.take(count: count, process: process, names: nil).isEmpty)
    }

    @Test(arguments: ["", "0", "-1", "many", "1025"])
    func nonsenseIsRefused(count: String) {
        let error = #expect(throws: BackendError.self) {
            try InheritedSocket.take(count: count, process: "\(getpid())", names: nil)
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test(arguments: ["", "@", "relative", "/" + String(repeating: "x", count: 108)])
    func addressesThatAreNoneAreIgnored(address: String) {
        #expect(ServiceNotification(address: address) == nil)
    }

    @Test func aManagerThatIsGoneIsNoReasonToFail() {
        #expect(ServiceNotification(address: "/nowhere/at/all")?.send(.ready) == false)
    }
}
