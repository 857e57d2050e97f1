import AgentBackend
import CLinux
import Testing

@testable import Sandbox

@Suite struct StartQueueTests {
    @Test func letsAsManyGoAsThereAreSlots() {
        var queue = StartQueue(slots: 2, maximumWaiting: 1)
        #expect(queue.enter() == .proceed)
        #expect(queue.enter() == .proceed)
        #expect(queue.enter() == .wait(0))
        #expect(queue.enter() == .refused)
    }

    @Test func isFirstComeFirstServed() {
        var queue = StartQueue(slots: 1, maximumWaiting: 10)
        _ = queue.enter()
        for ticket in 0..<3 as Range<UInt64> { #expect(queue.enter() == .wait(ticket)) }
        #expect(queue.leave() == 0)
        #expect(queue.leave() == 1)
        #expect(queue.leave() == 2)
        #expect(queue.leave() == nil)
        #expect(queue.enter() == .proceed)
    }

    @Test func passesOverWhoGaveUp() {
        var queue = StartQueue(slots: 1, maximumWaiting: 2)
        _ = queue.enter()
        _ = queue.enter()
        #expect(queue.enter() == .wait(1))
        #expect(queue.abandon(0) == true)
        #expect(queue.abandon(0) == false)
        // Its place in the queue is free again.
        #expect(queue.enter() == .wait(2))
        #expect(queue.leave() == 1)
        #expect(queue.abandon(1) == false)
        #expect(queue.leave() == 2)
    }
}

@Suite struct CommandAdmissionTests {
    @Test func countsUpToItsLimit() throws {
        var admission = CommandAdmission(maximumRunning: 1)
        try admission.admit()
        #expect(throws: BackendError.self) { try admission.admit() }
        #expect(admission.release() == false)
        try admission.admit()
    }

    @Test func isIdleOnceItShutsDownAndNothingRuns() throws {
        var admission = CommandAdmission(maximumRunning: 2)
        try admission.admit()
        #expect(admission.beginShutdown() == false)
        let error = #expect(throws: BackendError.self) { try admission.admit() }
        #expect(error?.code == .shuttingDown)
        #expect(admission.release() == true)
    }
}

@Suite struct LauncherOutputTests {
    @Test(arguments: [
        ("{ \"child-pid\": 2 }\n{ \"exit-code\": 37 }\n", 37 as UInt8?),
        ("{ \"exit-code\": 255 }\n", 255),
        ("{\"exit-code\":0}", 0),
        ("{ \"child-pid\": 2 }\n", nil),
        ("{ \"exit-code\": 256 }\n", nil),
        ("{ \"exit-code\": }\n", nil),
        ("", nil),
    ])
    func findsTheExitCode(text: String, code: UInt8?) {
        #expect(StatusDocument.exitCode(in: Array(text.utf8)) == code)
    }

    @Test func bytesThatCannotBeBubblewrapsPassAtOnce() {
        var filter = LauncherDiagnosisFilter()
        #expect(filter.pass(Array("error".utf8)) == Array("error".utf8))
        #expect(filter.isPassing)
        #expect(filter.pass(Array("bwrap: ".utf8)) == Array("bwrap: ".utf8))
    }

    @Test func bytesThatMayBeAreHeldUntilTheyCannot() {
        var filter = LauncherDiagnosisFilter()
        #expect(filter.pass(Array("bwr".utf8)) == [])
        #expect(filter.pass(Array("ong".utf8)) == Array("bwrong".utf8))
    }

    @Test func whatIsHeldIsBounded() {
        var filter = LauncherDiagnosisFilter()
        let line = Array("bwrap: ".utf8) + [UInt8](repeating: 0x78, count: LauncherDiagnosis.maximumLength)
        #expect(filter.pass(Array(line.dropLast(8))) == [])
        #expect(filter.pass(Array(line.suffix(8))) == line)
    }

    @Test func whatIsHeldIsReleased() {
        var filter = LauncherDiagnosisFilter()
        #expect(filter.pass(Array("bwrap: x".utf8)) == [])
        #expect(filter.release() == Array("bwrap: x".utf8))
        #expect(filter.release() == [])
    }

    @Test func aMessageThatNamesAHostPathIsNotPassedOn() {
        let diagnosis = LauncherDiagnosis(Array("bwrap: Can't find source path /srv/secret: No such file\n".utf8))
        let error = diagnosis.error(running: Array("true".utf8), in: [])
        #expect(error.code == .execError)
        #expect(!error.message.contains("/srv/secret"))
        #expect(error.description.contains("/srv/secret"))
    }
}

@Suite struct IsolationLevelTests {
    @Test func levelsAreOrderedByStrength() {
        #expect(IsolationLevel.none < .software && .software < .landlock && IsolationLevel.landlock < .bwrap)
        #expect(IsolationLevel.allCases.max() == .bwrap)
    }
}

@Suite struct CommandFilterTests {
    @Test func aFilterThatDoesNotFitIsNotCut() {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let size = linux_command_filter(&bytes, bytes.count)
        #expect(size > 0 && size % 8 == 0)
        #expect(linux_command_filter(&bytes, size) == size)
        #expect(linux_command_filter(&bytes, size - 8) < 0)
    }
}
