import AgentBackend
import Testing

@testable import BackendPool

/// Runs every order in which events can happen, to a depth, and audits every state on the way.
///
/// States that are equal but for history are visited once. One exploration at a time: see `ExploredEntry`.
@Suite(.serialized) struct ExplorerTests {
    struct Scenario: CustomTestStringConvertible {
        let testDescription: String
        let maxEntries: Int
        let maxEntriesPerOrg: Int
        let maxLeasesPerEntry: Int
        let maxLifetime: Duration?
        let keys: [World.Key]
        let budget: World.Budget
        let depth: Int
        let leastStates: Int
    }

    static let scenarios: [Scenario] = [
        Scenario(
            testDescription: "room for one entry, two orgs",
            maxEntries: 1,
            maxEntriesPerOrg: 1,
            maxLeasesPerEntry: 1,
            maxLifetime: nil,
            keys: [.init(key: key("a", org: 1)), .init(key: key("a", org: 2))],
            budget: .init(
                acquires: 3,
                failures: 1,
                breaks: 1,
                ticks: 2,
                evictions: 0,
                drains: 1,
                repeatedReleases: 1
            ),
            depth: 9,
            leastStates: 10_000
        ),
        Scenario(
            testDescription: "two entries, two orgs, three keys",
            maxEntries: 2,
            maxEntriesPerOrg: 1,
            maxLeasesPerEntry: 2,
            maxLifetime: nil,
            keys: [
                .init(key: key("a", org: 1)), .init(key: key("b", org: 1)), .init(key: key("a", org: 2)),
            ],
            budget: .init(
                acquires: 4,
                failures: 1,
                breaks: 1,
                ticks: 1,
                evictions: 1,
                drains: 1,
                repeatedReleases: 0
            ),
            depth: 7,
            leastStates: 10_000
        ),
        Scenario(
            testDescription: "keyless beside keyed",
            maxEntries: 2,
            maxEntriesPerOrg: 2,
            maxLeasesPerEntry: 1,
            maxLifetime: .seconds(12),
            keys: [
                .init(key: key("a", org: 1)), .init(key: key(nil, org: 1)), .init(key: key("a", org: 2)),
            ],
            budget: .init(
                acquires: 3,
                failures: 1,
                breaks: 1,
                ticks: 1,
                evictions: 0,
                drains: 1,
                repeatedReleases: 1
            ),
            depth: 7,
            leastStates: 10_000
        ),
        Scenario(
            testDescription: "idle timeouts of their own",
            maxEntries: 2,
            maxEntriesPerOrg: 2,
            maxLeasesPerEntry: 2,
            maxLifetime: .seconds(27),
            keys: [
                .init(key: key("a", org: 1), idleTimeout: .after(.seconds(8))),
                .init(key: key("b", org: 1), idleTimeout: .after(.seconds(25)), isEvictable: false),
                .init(key: key("c", org: 1), idleTimeout: .never, isEvictable: false),
            ],
            budget: .init(
                acquires: 3,
                failures: 0,
                breaks: 0,
                ticks: 4,
                evictions: 0,
                drains: 0,
                repeatedReleases: 0
            ),
            depth: 10,
            leastStates: 10_000
        ),
        Scenario(
            testDescription: "limits that change, configurations that conflict",
            maxEntries: 3,
            maxEntriesPerOrg: 2,
            maxLeasesPerEntry: 2,
            maxLifetime: nil,
            keys: [
                .init(key: key("a", org: 1)),
                .init(key: key("b", org: 1), isEvictable: false),
                .init(key: key("a", org: 2)),
            ],
            budget: .init(
                acquires: 4,
                failures: 0,
                breaks: 1,
                ticks: 1,
                evictions: 0,
                otherAcquires: 2,
                limitChanges: 2,
                drains: 0,
                repeatedReleases: 0
            ),
            depth: 6,
            leastStates: 10_000
        ),
    ]

    @Test(arguments: scenarios)
    func everyOrderOfEventsKeepsTheRules(_ scenario: Scenario) {
        var configuration = PoolConfiguration()
        configuration.maxEntries = scenario.maxEntries
        configuration.maxEntriesPerOrg = scenario.maxEntriesPerOrg
        configuration.maxLeasesPerEntry = scenario.maxLeasesPerEntry
        configuration.maxLifetime = scenario.maxLifetime
        configuration.lifetimeJitter = 0
        configuration.maxConcurrentDestructions = 1
        configuration.creationBackoff.jitter = 0
        configuration.idleTimeout = .seconds(20)
        configuration.cleanupInterval = .seconds(15)

        var frontier = [World(configuration: configuration, keys: scenario.keys, budget: scenario.budget)]
        var seen: Set<[Int]> = []
        var steps = 0
        for _ in 0..<scenario.depth {
            var next: [World] = []
            for world in frontier {
                for move in world.moves {
                    var successor = world
                    successor.apply(move)
                    steps += 1
                    guard seen.insert(successor.fingerprint).inserted else { continue }
                    var wrong = successor.audit()
                    // Dear, and the states in between lead to the same ends.
                    if wrong.isEmpty, seen.count.isMultiple(of: 4) {
                        wrong = successor.settled()
                    }
                    guard wrong.isEmpty else {
                        Issue.record("after \(move): \(wrong.joined(separator: "; "))")
                        return
                    }
                    next.append(successor)
                }
            }
            frontier = next
        }
        print("\(scenario.testDescription): \(seen.count) states, \(steps) steps, \(frontier.count) at the end")
        #expect(seen.count >= scenario.leastStates)
    }
}
