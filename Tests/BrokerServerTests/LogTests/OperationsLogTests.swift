import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

@Suite struct OperationsLogTests {
    @Test func anEntrysRecordsNameItsOrgAndKey() async {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let output = BrokerOutput(descriptor: ends[1])
        let log = OperationsLog(mode: .standard, output: output)
        let entry = EntryLog(log, org: "acme", key: "ci", mode: nil)
        entry.record(OperationRecord(operation: "write", subject: "notes", bytes: 3, time: 0), isModifying: true)
        await output.close()
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(ends[0], &bytes, bytes.count)
        close(ends[0])
        #expect(
            String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
                == #"{"time":"1970-01-01T00:00:00.000000Z","org":"acme","key":"ci","operation":"write","#
                + #""subject":"notes","ok":true,"duration_us":0,"bytes":3}"# + "\n"
        )
    }

    @Test func anEntryLogsByItsOwnModeOrTheBrokers() async {
        let off = OperationsLog(mode: nil, output: BrokerOutput(descriptor: -1))
        #expect(!EntryLog(off, org: "a", key: "b", mode: nil).records(isModifying: true))
        #expect(EntryLog(off, org: "a", key: "b", mode: .standard).records(isModifying: true))
        #expect(!EntryLog(off, org: "a", key: "b", mode: .standard).records(isModifying: false))
        let standard = OperationsLog(mode: .standard, output: BrokerOutput(descriptor: -1))
        #expect(EntryLog(standard, org: "a", key: "b", mode: .verbose).records(isModifying: false))
        #expect(!EntryLog(standard, org: "a", key: "b", mode: nil).records(isModifying: false))
    }
}
