import Foundation
import Glibc
import Testing

@testable import loadtest

/// The driver over real sockets, against a server that is honest or is not.
@Suite struct ScenarioDriverTests {
    private func scenario(_ mix: [CallKind: Double], connections: Int = 4) throws -> Scenario {
        var scenario = try Scenario(
            yaml: "name: n\nabout: a\nmix: {echo: 1}\nstages: [{name: a, depth: 8}]\n",
            source: "test"
        )
        scenario.mix = mix
        scenario.connections = connections
        scenario.population.keys = 3
        scenario.population.files = 2
        scenario.population.sizes = [.init(size: ByteCount(bytes: 300), weight: 1)]
        return scenario
    }

    /// So many calls, prepared, in a closed loop. No figure hangs on how fast that is.
    @discardableResult
    private func drive(_ scenario: Scenario, _ server: FakeBroker, calls: Int) throws -> StageTally {
        let plan = WorkerPlan(scenario, run: "run", index: 0, endpoint: server.endpoint, tokens: ["0", "1", "2"])
        let driver = try ScenarioDriver(plan)
        let prepare = StageLoad(name: "prepare", kind: .prepare, duration: .seconds(600), calls: .max, seed: 1)
        _ = try driver.run(prepare, begin: Clocks.monotonic()) { _ in }
        let load = StageLoad(name: "all", kind: .closed(depth: 8), duration: .seconds(600), calls: calls, seed: 1)
        return try driver.run(load, begin: Clocks.monotonic()) { _ in }
    }

    private static let files: [CallKind: Double] = [.read: 3, .write: 2, .stat: 1, .echo: 1]

    @Test func anHonestServerIsBelieved() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        let tally = try drive(try scenario(Self.files), server, calls: 4000)
        #expect(tally.answered == 4000 && tally.errors == [:] && tally.lost == 0)
        #expect(tally.byKind.values.reduce(0) { $0 + $1.count } == 4000)
        #expect(Set(tally.byOrg.keys) == [0, 1])
    }

    @Test func whatDoesNotFitIntoTheSocketIsSentWhenThereIsRoom() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        var scenario = try scenario([.write: 1], connections: 1)
        scenario.population.orgs = 1
        scenario.population.files = 8
        scenario.population.sizes = [.init(size: ByteCount(bytes: 1 << 20), weight: 1)]
        #expect(try drive(scenario, server, calls: 16).answered == 16)
    }

    @Test func connectionsAreMadeAnewAndFilesAreStillKnown() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        let plan = WorkerPlan(
            try scenario(Self.files),
            run: "run",
            index: 0,
            endpoint: server.endpoint,
            tokens: ["0", "1"]
        )
        let driver = try ScenarioDriver(plan)
        let prepare = StageLoad(name: "prepare", kind: .prepare, duration: .seconds(600), calls: .max, seed: 1)
        let load = StageLoad(name: "all", kind: .closed(depth: 8), duration: .seconds(600), calls: 500, seed: 1)
        _ = try driver.run(prepare, begin: Clocks.monotonic()) { _ in }
        for _ in 0..<2 {
            #expect(try driver.run(load, begin: Clocks.monotonic()) { _ in }.answered == 500)
            driver.disconnect()
            #expect(driver.connections.allSatisfy { $0.descriptor == nil })
            try driver.connect()
        }
    }

    @Test func eachKeyIsTouchedOnce() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        let plan = WorkerPlan(
            try scenario([.echo: 1]),
            run: "run",
            index: 0,
            endpoint: server.endpoint,
            tokens: ["0", "1"]
        )
        let load = StageLoad(name: "touch", kind: .touch(700), duration: .seconds(600), calls: .max, seed: 1)
        #expect(try ScenarioDriver(plan).run(load, begin: Clocks.monotonic()) { _ in }.answered == 700)
    }

    @Test func anOpenLoopMakesEveryCallOfItsSchedule() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        let plan = WorkerPlan(
            try scenario([.echo: 1]),
            run: "run",
            index: 0,
            endpoint: server.endpoint,
            tokens: ["0", "1"]
        )
        let driver = try ScenarioDriver(plan)
        let open = StageLoad.Kind.open(from: 5000, to: 5000, arrivals: .constant, phase: 0)
        let load = StageLoad(name: "open", kind: open, duration: .seconds(0.1), calls: .max, seed: 1)
        #expect(try driver.run(load, begin: Clocks.monotonic()) { _ in }.answered == 500)
    }

    @Test(arguments: [
        (FakeBroker.Fault.swapsAnswers, [CallKind.echo: 1.0], "none of its versions"),
        (.answersWithAnotherOrg, files, "ANOTHER ORG'S BYTES"),
        (.answersWithThePast, files, "version"),
        (.forgetsAWrite, files, "version"),
        (.answersTwice, [.echo: 1], "answered before"),
        (.none, [.missing: 1], "of a file that there is not"),
    ])
    func aServerThatLiesIsCaught(_ fault: FakeBroker.Fault, _ mix: [CallKind: Double], _ said: String) throws {
        let server = try FakeBroker(fault)
        defer { server.stop() }
        do {
            try drive(try scenario(mix), server, calls: 20_000)
            Issue.record("\(fault) was not noticed")
        } catch let failure as LoadFailure {
            guard case .wrongAnswer(let text) = failure else { throw failure }
            #expect(text.contains(said), "\(text)")
        }
    }

    @Test func aServerThatLeaksADescriptorIsCaught() throws {
        for fault in [FakeBroker.Fault.none, .leaksADescriptor] {
            let server = try FakeBroker(fault)
            defer { server.stop() }
            let scenario = try scenario([.echo: 1])
            var report = RunReport(scenario: "", about: "", seed: 1, host: "", began: 0, seconds: 0)
            report.before = try footprint()
            try drive(scenario, server, calls: 1000)
            report.after = try footprint(downTo: report.before)
            report.judge(scenario, withChecks: true)
            #expect(report.isGood == (fault == .none), "\(fault): \(report.faults)")
            #expect(report.faults.allSatisfy { $0.contains("leaked: descriptors") })
        }
    }

    /// Of this process, in which the server is. Its threads close their connections a little after their clients do.
    private func footprint(downTo expected: BrokerFootprint? = nil) throws -> BrokerFootprint {
        let end = Clocks.monotonic() + 2_000_000_000
        while true {
            let footprint = try BrokerFootprint(pid: getpid(), root: "/none")
            guard let expected, footprint.descriptors != expected.descriptors, Clocks.monotonic() < end else {
                return footprint
            }
            sched_yield()
        }
    }

    @Test func aConnectionThatIsLostIsAFaultUnlessItMayBe() throws {
        let server = try FakeBroker(.none)
        defer { server.stop() }
        var scenario = try scenario([.echo: 1])
        scenario.population.sizes = [.init(size: ByteCount(bytes: 300), weight: 1)]
        let plan = WorkerPlan(scenario, run: "run", index: 0, endpoint: server.endpoint, tokens: ["0", "1"])
        let driver = try ScenarioDriver(plan)
        for connection in driver.connections { shutdown(connection.descriptor ?? -1, Int32(SHUT_RDWR)) }
        let load = StageLoad(name: "all", kind: .closed(depth: 8), duration: .seconds(600), calls: 1000, seed: 1)
        #expect(throws: LoadFailure.self) { try driver.run(load, begin: Clocks.monotonic()) { _ in } }

        scenario.allowsLostConnections = true
        let other = try ScenarioDriver(
            WorkerPlan(scenario, run: "run", index: 0, endpoint: server.endpoint, tokens: ["0", "1"])
        )
        for connection in other.connections { shutdown(connection.descriptor ?? -1, Int32(SHUT_RDWR)) }
        let tally = try other.run(load, begin: Clocks.monotonic()) { _ in }
        #expect(tally.lost > 0 && tally.answered + tally.lost == 1000)
    }
}
