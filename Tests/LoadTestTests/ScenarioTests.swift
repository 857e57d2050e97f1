import Foundation
import Testing

@testable import loadtest

@Suite struct ScenarioTests {
    private func scenario(_ more: String = "", stages: String = "[{name: a, rate: 10}]") throws -> Scenario {
        try Scenario(yaml: "name: n\nabout: a\nmix: {echo: 1}\nstages: \(stages)\n\(more)\n", source: "test")
    }

    private func refusal(_ more: String = "", stages: String = "[{name: a, rate: 10}]") -> String {
        do throws(LoadFailure) {
            _ = try Scenario(yaml: "name: n\nabout: a\nmix: {echo: 1}\nstages: \(stages)\n\(more)\n", source: "test")
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func whatIsNotSaidHasADefault() throws {
        let scenario = try scenario()
        #expect(scenario.population == Scenario.Population() && scenario.processes == 1)
        #expect(
            scenario.stages == [
                Stage(name: "a", load: .open(from: .perSecond(10), to: .perSecond(10), steps: 0, arrivals: .poisson))
            ]
        )
    }

    @Test func everyLoad() throws {
        let stages = """
            [{name: a, rate: 10, to: 20, steps: 3, arrivals: constant, duration: 2m}, {name: b, depth: 4, noise: true},
             {name: c, search: {p99: 5ms, from: 10, to: 1000}}, {name: d, touch: 7}, {name: e}, {name: f, rate: 70%}]
            """
        let loads = try scenario("noise: {mix: {run: 1}}", stages: stages).stages.map(\.load)
        #expect(loads[0] == .open(from: .perSecond(10), to: .perSecond(20), steps: 3, arrivals: .constant))
        #expect(loads[1] == .closed(depth: 4))
        #expect(
            loads[2] == .search(.init(p99: TimeSpan(nanoseconds: 5_000_000), from: 10, to: 1000, step: .seconds(3)))
        )
        #expect(loads[3] == .touch(7) && loads[4] == .none)
        #expect(loads[5] == .open(from: .ofCapacity(0.7), to: .ofCapacity(0.7), steps: 0, arrivals: .poisson))
    }

    @Test func whatIsEncodedIsReadBackAsTheSame() throws {
        let stages =
            "[{name: a, rate: 10.5, to: 70%, restarts: 2, churn: 3}, {name: b, search: {p99: 5ms, from: 1, to: 2}}]"
        let scenario = try scenario(
            """
            noise: {mix: {run: 1}, orgs: 2}
            population: {sizes: [{size: 4KiB, weight: 1}], distribution: zipf 0.7}
            checks: [{figure: p99.9, of: a, by: b, at_most: 2}]
            broker: {pool: {idle_timeout: 1s, max_entries: 5}, list: [1, 2.5, true, null]}
            """,
            stages: stages
        )
        #expect(try JSONDecoder().decode(Scenario.self, from: JSONEncoder().encode(scenario)) == scenario)
    }

    @Test(arguments: [
        ("keyz: 1", "keyz"), ("population: {orgs: 9}", "orgs"),
        ("population: {sizes: [{size: 2MiB, weight: 1}]}", "sizes"),
        ("population: {sizes: [{size: 9 apples, weight: 1}]}", "9 apples"), ("processes: 0", "processes"),
        ("mix: {sing: 1}", "sing"), ("checks: [{figure: p99, of: z, at_most: 1}]", "no such stage"),
        ("limits: {duration: soon}", "soon"),
    ])
    func whatCannotBeRunIsRefusedByName(_ more: String, _ name: String) {
        let text = more.hasPrefix("mix") ? "name: n\nabout: a\n\(more)\nstages: []\n" : ""
        let said =
            text.isEmpty
            ? refusal(more)
            : {
                do throws(LoadFailure) { _ = try Scenario(yaml: text, source: "test"); return "" } catch {
                    return "\(error)"
                }
            }()
        #expect(said.hasPrefix("test: ") && said.contains(name), "\(said)")
    }

    @Test(arguments: [
        ("[]", "stages"), ("[{name: a, rate: 1, depth: 1}]", "depth"), ("[{name: a, rate: 0}]", "rate"),
        ("[{name: a}, {name: a}]", "name"), ("[{name: a, rate: 1, noise: true}]", "noise"),
        ("[{name: a, rate: 1, duration: 0s}]", "duration"), ("[{name: a, rat: 1}]", "rat"),
    ])
    func stagesThatCannotBeAreRefused(_ stages: String, _ name: String) {
        let said = refusal(stages: stages)
        #expect(said.hasPrefix("test: ") && said.contains(name), "\(said)")
    }

    @Test func quantities() {
        #expect(TimeSpan("250us")?.nanoseconds == 250_000 && TimeSpan("1.5s")?.nanoseconds == 1_500_000_000)
        #expect(TimeSpan("2m")?.seconds == 120 && TimeSpan("1h")?.seconds == 3600)
        for text in ["", "5", "s", "-1s", "25h", "nans"] { #expect(TimeSpan(text) == nil, "\(text)") }
        #expect(ByteCount("4KiB")?.bytes == 4096 && ByteCount("7")?.bytes == 7)
        for text in ["", "KiB", "-1", "2GiB", "1e3"] { #expect(ByteCount(text) == nil, "\(text)") }
        #expect(Rate("70%") == .ofCapacity(0.7) && Rate("1e3") == .perSecond(1000))
        for text in ["", "0", "-5", "%", "fast"] { #expect(Rate(text) == nil, "\(text)") }
        #expect(
            Rate.ofCapacity(0.5).perSecond(capacity: 10) == 5 && Rate.ofCapacity(0.5).perSecond(capacity: nil) == nil
        )
    }

    /// All that are shipped, from the folder beside the sources.
    @Test func everyShippedScenarioIsValid() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../loadtest/scenarios")
            .path
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        #expect(names.count == 12)
        for name in names {
            let scenario = try Scenario(path: "\(folder)/\(name)")
            #expect("\(scenario.name).yaml" == name)
        }
    }
}
