import AgentBackend
import NIOCore
import Testing

@testable import BrokerServer

@Suite struct UploadMachineTests {
    private typealias Machine = UploadMachine<Int>

    private static func checksum(_ text: String) -> [UInt8] {
        var checksum = RunningChecksum()
        checksum.add(ByteBuffer(string: text))
        return checksum.sha256
    }

    @Test func onlyOneCallWritesAtATimeAndTellsTheOthers() throws {
        var machine = Machine(at: .zero)
        guard case .write(from: 0) = try machine.append(at: 0, length: 2, now: .zero, waiter: 1) else {
            Issue.record("the first call writes")
            return
        }
        guard case .wait = try machine.append(at: 0, length: 2, now: .zero, waiter: 2),
            case .wait = try machine.finish(sha256: [], now: .zero, waiter: 3)
        else {
            Issue.record("others wait")
            return
        }
        #expect(machine.idleSince == nil, "one writes")
        #expect(machine.failed() == [2, 3])
        #expect(machine.count == 0)
        guard case .write(from: 0) = try machine.append(at: 0, length: 2, now: .seconds(5), waiter: 2) else {
            Issue.record("what failed is written again")
            return
        }
        #expect(try machine.wrote(ByteBuffer(string: "ab")) == [])
        #expect(machine.count == 2 && machine.idleSince == .seconds(5))
    }

    @Test func whatIsThereIsNotWrittenAgain() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        _ = try machine.wrote(ByteBuffer(string: "abc"))
        guard case .known(3) = try machine.append(at: 1, length: 2, now: .zero, waiter: 1),
            case .known(3) = try machine.append(at: 3, length: 0, now: .zero, waiter: 1),
            case .write(from: 1) = try machine.append(at: 2, length: 3, now: .zero, waiter: 1)
        else {
            Issue.record("bytes that are there are known")
            return
        }
        _ = try machine.wrote(ByteBuffer(string: "de"))
        let gap = #expect(throws: BackendError.self) { try machine.append(at: 6, length: 0, now: .zero, waiter: 1) }
        #expect(gap?.code == .conflict)
        #expect(gap?.limit == LimitDetails(name: "upload_offset", used: 6, allowed: 5))
        guard case .mismatch = try machine.finish(sha256: Self.checksum("abcd"), now: .zero, waiter: 1),
            case .commit = try machine.finish(sha256: Self.checksum("abcde"), now: .zero, waiter: 1)
        else {
            Issue.record("the checksum decides")
            return
        }
        #expect(machine.failed() == [])
        guard case .commit = try machine.finish(sha256: Self.checksum("abcde"), now: .zero, waiter: 1) else {
            Issue.record("a commit that failed may be tried again")
            return
        }
    }

    @Test func onceItHasEndedItIsNotThere() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        _ = try machine.wrote(ByteBuffer(string: "abc"))
        _ = try machine.append(at: 3, length: 3, now: .zero, waiter: 1)
        _ = try machine.append(at: 3, length: 3, now: .zero, waiter: 2)
        let end = machine.end()
        #expect(end.bytes == 3 && end.waiters == [2], "what is being written does not count")
        #expect(machine.end().bytes == 0)
        #expect(machine.idleSince == nil)
        #expect(machine.failed() == [])
        for use in [
            { (machine: inout Machine) in _ = try machine.wrote(ByteBuffer(string: "abc")) },
            { _ = try $0.append(at: 3, length: 0, now: .zero, waiter: 1) },
            { _ = try $0.finish(sha256: [], now: .zero, waiter: 1) }, { _ = try $0.met(at: .zero) },
        ] {
            let error = #expect(throws: BackendError.self) { try use(&machine) }
            #expect(error?.code == .notFound)
        }
    }
}
