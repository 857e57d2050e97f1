import AgentBackend
import NIOCore
import Testing

@testable import BrokerServer

@Suite struct UploadMachineTests {
    private typealias Machine = UploadMachine<Int>

    private static func wrote(_ text: String, _ machine: inout Machine) -> [Int] {
        var checksum = machine.checksum
        checksum.add(ByteBuffer(string: text))
        return machine.wrote(checksum)
    }

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
        #expect(Self.wrote("ab", &machine) == [])
        #expect(machine.count == 2 && machine.idleSince == .seconds(5))
    }

    @Test func whatIsThereIsNotWrittenAgain() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        _ = Self.wrote("abc", &machine)
        guard case .known(3) = try machine.append(at: 1, length: 2, now: .zero, waiter: 1),
            case .known(3) = try machine.append(at: 3, length: 0, now: .zero, waiter: 1),
            case .write(from: 1) = try machine.append(at: 2, length: 3, now: .zero, waiter: 1)
        else {
            Issue.record("bytes that are there are known")
            return
        }
        _ = Self.wrote("de", &machine)
        let gap = #expect(throws: BackendError.self) { try machine.append(at: 6, length: 0, now: .zero, waiter: 1) }
        #expect(gap?.code == .conflict)
        #expect(gap?.limit == LimitDetails(name: "upload_offset", used: 6, allowed: 5))
        guard case .commit = try machine.finish(sha256: Self.checksum("abcde"), now: .zero, waiter: 1) else {
            Issue.record("the checksum decides")
            return
        }
        #expect(machine.failed() == [])
        guard case .commit = try machine.finish(sha256: Self.checksum("abcde"), now: .zero, waiter: 1) else {
            Issue.record("a commit that failed may be tried again")
            return
        }
    }

    /// It ends with the first of them.
    @Test func ofTwoFinishesWithAnotherChecksumOneIsToldSo() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        _ = Self.wrote("abc", &machine)
        guard case .mismatch(3) = try machine.finish(sha256: Self.checksum("abcd"), now: .zero, waiter: 1) else {
            Issue.record("the checksum decides")
            return
        }
        #expect(throws: BackendError.self) { try machine.finish(sha256: Self.checksum("abcd"), now: .zero, waiter: 2) }
        guard case .hadEnded = machine.end(waiter: 3) else {
            Issue.record("it ends once")
            return
        }
    }

    @Test func whatGivesItUpWaitsForTheCallUnderWay() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        guard case .wait = machine.end(waiter: 2), machine.endIfIdle(since: .seconds(9)) == nil else {
            Issue.record("one writes")
            return
        }
        #expect(Self.wrote("abc", &machine) == [2])
        _ = try machine.finish(sha256: Self.checksum("abc"), now: .seconds(1), waiter: 1)
        guard case .wait = machine.end(waiter: 2), machine.endIfIdle(since: .seconds(9)) == nil else {
            Issue.record("one commits")
            return
        }
        #expect(!machine.hasEnded)
        #expect(machine.committed() == [2] && machine.hasEnded)
        guard case .hadEnded = machine.end(waiter: 2), machine.endIfIdle(since: .seconds(9)) == nil else {
            Issue.record("it ends once")
            return
        }
    }

    @Test func oneThatWasUsedSinceStays() throws {
        var machine = Machine(at: .seconds(1))
        _ = try machine.met(at: .seconds(3))
        #expect(machine.endIfIdle(since: .seconds(2)) == nil && !machine.hasEnded)
        #expect(machine.endIfIdle(since: .seconds(3)) == 0 && machine.hasEnded)
    }

    @Test func onceItHasEndedItIsNotThere() throws {
        var machine = Machine(at: .zero)
        _ = try machine.append(at: 0, length: 3, now: .zero, waiter: 1)
        _ = Self.wrote("abc", &machine)
        guard case .ended(3) = machine.end(waiter: 1) else {
            Issue.record("nobody uses it")
            return
        }
        #expect(machine.idleSince == nil)
        #expect(machine.failed() == [] && machine.committed() == [] && Self.wrote("d", &machine) == [])
        #expect(machine.count == 3)
        for use in [
            { (machine: inout Machine) in _ = try machine.append(at: 3, length: 0, now: .zero, waiter: 1) },
            { _ = try $0.finish(sha256: [], now: .zero, waiter: 1) }, { _ = try $0.met(at: .zero) },
        ] {
            let error = #expect(throws: BackendError.self) { try use(&machine) }
            #expect(error?.code == .notFound)
        }
    }
}
