import Glibc
import Testing

@testable import loadtest

@Suite struct MeasureTests {
    @Test func latencies() {
        var latencies = Latencies()
        #expect(latencies.summary == Latencies.Summary(p50: 0, p99: 0, p999: 0, max: 0))
        for microseconds in 1...1000 {
            latencies.record(nanoseconds: UInt64(microseconds) * 1000)
        }
        let summary = latencies.summary
        #expect(latencies.count == 1000)
        // Three digits.
        #expect(abs(summary.p50 - 500) <= 0.5)
        #expect(abs(summary.p99 - 990) <= 1)
        #expect(abs(summary.p999 - 999) <= 1)
        #expect(abs(summary.max - 1000) <= 1)
        latencies.removeAll()
        #expect(latencies.count == 0)
    }

    @Test func aLatencyOfHoursCountsAsAMinute() {
        var latencies = Latencies()
        latencies.record(nanoseconds: .max)
        #expect(latencies.count == 1)
        #expect(abs(latencies.summary.max - 60e6) < 60e3)
    }

    @Test func spread() {
        let odd = Spread([3, 1, 2])
        #expect((odd.median, odd.min, odd.max) == (2, 1, 3))
        #expect(Spread([4, 1, 2, 3]).median == 2.5)
        #expect(Spread([7]).median == 7)
        #expect(Spread([]).median == 0)
    }

    @Test func targets() {
        #expect(Target.atLeast(0.5).isMet(by: 0.5))
        #expect(!Target.atLeast(0.5).isMet(by: 0.49))
        #expect(Target.atMost(2).isMet(by: 2))
        #expect(!Target.atMost(2).isMet(by: 2.01))
    }

    @Test func aComparisonAsksTheFiguresOfEachRound() throws {
        let question = Comparison.Question(
            row: "P0",
            measure: .callsPerSecond,
            subject: "a",
            baseline: "b",
            target: .atLeast(2.4)
        )
        let latency = Comparison.Question(measure: .nanosecondsPerCall, subject: "a", baseline: "b", form: .timesLess)
        let scenario = Comparison.Scenario(load: "l", contestants: [], questions: [question, latency])
        func round(_ subject: Double, _ baseline: Double) -> [String: RunFigures] {
            [subject, baseline].reduce(into: [:]) { figures, rate in
                figures[figures.isEmpty ? "a" : "b"] = RunFigures(calls: 1, seconds: 1, callsPerSecond: rate)
            }
        }
        // The ratio of the medians would be 3.
        let report = ComparisonReport.Scenario(scenario, [round(200, 100), round(300, 120), round(400, 40)])
        let (rate, time) = (report.answers[0], report.answers[1])
        #expect((rate.outcome.median, rate.outcome.min, rate.outcome.max) == (2.5, 2, 10))
        #expect(rate.subjectFigures.median == 300 && rate.baselineFigures.median == 100)
        #expect(rate.isMet == true)
        #expect(abs(time.outcome.median - 2.5) < 1e-9)
        #expect(time.isMet == nil)
    }

    @Test func aValueStandsByItself() throws {
        let question = Comparison.Question(
            measure: .p50Milliseconds,
            subject: "a",
            form: .value,
            target: .atMost(60)
        )
        let scenario = Comparison.Scenario(load: "l", contestants: [], questions: [question])
        let rounds = [70_000, 50_000, 40_000].map { (p50: Double) in
            let latencies = Latencies.Summary(p50: p50, p99: 0, p999: 0, max: 0)
            return ["a": RunFigures(calls: 1, seconds: 1, callsPerSecond: 1, latencyMicroseconds: latencies)]
        }
        let answer = ComparisonReport.Scenario(scenario, rounds).answers[0]
        #expect((answer.outcome.median, answer.outcome.min, answer.outcome.max) == (50, 40, 70))
        #expect(answer.isMet == true)
    }

    @Test func theFirstLineOfAProgramIsTakenAsItIsWritten() throws {
        let interrupts = try Interrupts()
        let pipe = try ReadyPipe()
        #expect(try pipe.line(within: .zero, interrupts) == nil)
        var start = ProgramStart(
            executable: "/bin/sh",
            arguments: ["-c", "echo one; echo two"],
            name: "sh",
            directory: "/tmp"
        )
        start.output = pipe.writeEnd
        try TemporaryDirectory.run("loadtest-tests") { (directory) throws(LoadFailure) in
            start.directory = directory
            try ChildProcess.run(start) { (_) throws(LoadFailure) in
                #expect(try pipe.line(within: .seconds(60), interrupts) == "one")
            }
        }
    }

    @Test func tokensAreOfTheFormThatBrokersTake() {
        let credential = BrokerCredential()
        #expect(credential.token.wholeMatch(of: /ab_[0-9a-f]{16}_[0-9a-f]{64}/) != nil)
        #expect(credential.token.hasPrefix("ab_\(credential.id)_"))
        #expect(credential.hash.count == 64)
        #expect(BrokerCredential().token != credential.token)
    }

    @Test func memoryOfAProcess() throws {
        let memory = try #require(
            ProcessMemory(status: "Name:\ta b\nVmRSS:\t    12 kB\nVmPTE:\t     4 kB\nThreads:\t1\n")
        )
        #expect(memory.resident == 12 << 10 && memory.pageTables == 4 << 10)
        #expect(ProcessMemory(status: "Name:\tkthreadd\n") == nil)
        #expect(try ProcessMemory(pid: getpid()).resident > 1 << 20)
        #expect(throws: LoadFailure.self) { try ProcessMemory(pid: .max) }
    }

    @Test func memoryOfFilesInAGroup() {
        let text = "cache 1\ninactive_file 2\ntotal_cache 3\ntotal_inactive_file 40\ntotal_active_file 500\n"
        #expect(MemoryGroup.bytesOfFiles(text) == 540)
        #expect(MemoryGroup.bytesOfFiles("total_active_file 500\n") == nil)
    }

    @Test func memoryOfSockets() {
        let table = """
            slabinfo - version: 2.1
            # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>
            TCP                   10     26   2000   13    8 : tunables    0    0    0
            sock_inode_cache      10     38    800   19    4 : tunables    0    0    0
            filp                9000   9000    190   21    1 : tunables    0    0    0
            dentry              9000   9000    192   21    1 : tunables    0    0    0
            kmalloc-64          9000   9000     64   64    1 : tunables    0    0    0
            """
        #expect(SocketMemory.bytes(table) == 10 * (2000 + 800 + 190 + 192))
        #expect(SocketMemory.bytes("") == nil)
    }

    @Test func aFileOfTheKernelIsReadToItsEnd() throws {
        // Longer than what one read gives of it.
        let text = try #require(ProcFile.text("/proc/self/smaps"))
        #expect(text.utf8.count > 16 << 10)
        #expect(text.hasSuffix("\n"))
        #expect(ProcFile.text("/proc/self/none") == nil)
    }

    @Test func processorTime() throws {
        #expect(ServerProcessor.schedstat("123456 789 10\n") == 123_456)
        #expect(ServerProcessor.schedstat("") == nil)
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 17 25 0 0 20 0 1 0 5 0 0"
        #expect(ServerProcessor.stat(stat) == 42)
        #expect(ServerProcessor.stat("42 (a) S 1") == nil)
        #expect(try ServerProcessor(pids: []).nanoseconds() == nil)
        // Beyond the highest that the kernel gives out.
        #expect(throws: LoadFailure.self) { try ServerProcessor(pids: [.max]).nanoseconds() }
    }

    @Test func whatH2LoadPrints() {
        let text = """
            finished in 1.50s, 1333.33 req/s, 100.25KB/s
            requests: 2000 total, 2000 started, 2000 done, 1999 succeeded, 1 failed, 0 errored, 0 timeout
            status codes: 1999 2xx, 0 3xx, 0 4xx, 0 5xx
            traffic: 150.38KB (153990) total, 12.11KB (12400) headers (space savings 90.00%), 62.50KB (64000) data
            """
        let output = H2LoadOutput(text)
        #expect(output?.seconds == 1.5 && output?.succeeded == 1999 && output?.dataBytes == 64000)
        #expect(H2LoadOutput(text.replacing("1.50s", with: "15.00ms"))?.seconds == 0.015)
        #expect(H2LoadOutput("") == nil)
    }

    @Test func endpoints() {
        #expect(Endpoint("127.0.0.1:80") == .internet(host: "127.0.0.1", port: 80))
        #expect(Endpoint("[::1]:80") == .internet(host: "::1", port: 80))
        #expect(Endpoint("unix:/a:b") == .unix(path: "/a:b"))
        for text in ["", "a", ":1", "a:", "a:65536", "a:-1", "unix:", "unix:" + String(repeating: "x", count: 108)] {
            #expect(Endpoint(text) == nil, "\(text)")
        }
        #expect(Endpoint("[::1]:80")?.description == "[::1]:80")
    }

    @Test func durations() throws {
        #expect(try Duration(argument: "500ms") == .milliseconds(500))
        #expect(try Duration(argument: "1.5s") == .milliseconds(1500))
        #expect(try Duration(argument: "2m") == .seconds(120))
        for text in ["", "s", "5", "-1s", "1h", "nans", "infs"] {
            #expect(throws: (any Error).self, "\(text)") { try Duration(argument: text) }
        }
        #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
        #expect(Duration.milliseconds(-1).nanoseconds == 0)
    }

    @Test func numbersAsText() {
        #expect(1234.567.text(1) == "1234.6")
        #expect(0.05.text(2) == "0.05")
        #expect(1.999.text(2) == "2.00")
        #expect((-0.001).text(2) == "0.00")
        #expect((-1.5).text(1) == "-1.5")
        #expect(2.5e6.text(0) == "2500000")
    }

    @Test func tables() {
        #expect(Table([["a", "bb"], ["ccc", "d"], ["e"]]).text == "a    bb\nccc  d\ne")
    }
}
