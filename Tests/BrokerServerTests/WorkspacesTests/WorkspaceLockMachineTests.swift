import Testing

@testable import BrokerServer

@Suite struct WorkspaceLockMachineTests {
    private final class Entry: Sendable {}

    /// The machine where expressions may change it.
    private final class Machine {
        private var machine = WorkspaceLockMachine<String, Entry>()

        func share(_ workspace: WorkspaceID, _ id: UInt64, _ waiter: String = "") -> Bool {
            machine.share(workspace, id, waiter)
        }

        func name(_ entry: Entry, of workspace: WorkspaceID) -> Bool { machine.name(entry, of: workspace) }

        func ended(_ workspace: WorkspaceID) -> [String] { machine.ended(workspace) }

        func ended(_ entry: Entry, of workspace: WorkspaceID) -> [String] { machine.ended(entry, of: workspace) }

        func claim(_ workspace: WorkspaceID, _ id: UInt64, _ waiter: String = "") -> Bool {
            machine.claim(workspace, id, waiter)
        }

        func awaitEnds(of workspace: WorkspaceID, _ id: UInt64, _ waiter: String = "") -> Bool {
            machine.awaitEnds(of: workspace, id, waiter)
        }

        func unclaim(_ workspace: WorkspaceID) -> [String] { machine.unclaim(workspace) }

        func cancel(_ id: UInt64) -> String? { machine.cancel(id) }

        var value: WorkspaceLockMachine<String, Entry> { machine }
    }

    private let workspace = WorkspaceID(org: 1, key: "k")

    @Test func anyNumberShares() {
        let machine = Machine()
        let entries = [Entry(), Entry()]
        for (id, entry) in entries.enumerated() {
            #expect(machine.share(workspace, UInt64(id)) && machine.name(entry, of: workspace))
        }
        #expect(machine.value.holders(of: workspace).count == 2)
        #expect(machine.value.sharedKeys(of: 1) == ["k"] && machine.value.sharedKeys(of: 2) == [])
        for entry in entries { #expect(machine.ended(entry, of: workspace) == []) }
        #expect(machine.value.isEmpty)
    }

    @Test func aClaimWaitsForThoseWhoShareAndLetsNobodyNewIn() {
        let machine = Machine()
        let entry = Entry()
        #expect(machine.share(workspace, 1) && machine.name(entry, of: workspace))
        #expect(machine.claim(workspace, 2))
        #expect(!machine.share(workspace, 3, "new"))
        #expect(!machine.awaitEnds(of: workspace, 4, "claimant"))
        #expect(machine.ended(entry, of: workspace) == ["claimant"])
        #expect(machine.awaitEnds(of: workspace, 5))
        #expect(machine.unclaim(workspace) == ["new"])
        #expect(machine.value.isShared(workspace))
        #expect(machine.ended(workspace) == [])
        #expect(machine.value.isEmpty)
    }

    @Test func whoHasNotSaidItsNameMakesWay() {
        let machine = Machine()
        #expect(machine.share(workspace, 1))
        #expect(machine.claim(workspace, 2))
        #expect(!machine.name(Entry(), of: workspace))
        #expect(!machine.awaitEnds(of: workspace, 3, "claimant"))
        #expect(machine.ended(workspace) == ["claimant"])
        #expect(machine.unclaim(workspace) == [])
        #expect(machine.value.isEmpty)
    }

    @Test func claimsTakeTurns() {
        let machine = Machine()
        #expect(machine.claim(workspace, 1))
        for (id, name) in [(2, "second"), (3, "cancelled"), (4, "third")] as [(UInt64, String)] {
            #expect(!machine.claim(workspace, id, name))
        }
        #expect(machine.cancel(3) == "cancelled" && machine.cancel(3) == nil)
        #expect(machine.unclaim(workspace) == ["second"])
        #expect(!machine.share(workspace, 5, "entry"))
        // Those who wait to share it do not wait for ever.
        #expect(machine.unclaim(workspace) == ["entry", "third"])
        #expect(!machine.awaitEnds(of: workspace, 6, "third again"))
        #expect(machine.ended(workspace) == ["third again"])
        #expect(machine.unclaim(workspace) == [])
        #expect(machine.value.isEmpty)
    }

    @Test func workspacesAreApart() {
        let machine = Machine()
        #expect(machine.claim(workspace, 1))
        for other in [WorkspaceID(org: 1, key: "l"), WorkspaceID(org: 2, key: "k")] {
            #expect(machine.share(other, 2))
            #expect(machine.claim(other, 3))
        }
    }

    /// All orders in which three that share and two that claim can come, be called off and end, against what must be.
    @Test func everyOrderKeepsThemApart() {
        var checked = 0
        explore(Play(), depth: 8, &checked)
        #expect(checked > 10_000)
    }

    private func explore(_ play: Play, depth: Int, _ checked: inout Int) {
        checked += 1
        guard depth > 0 else { return }
        for actor in play.actors.indices {
            for step in [Play.Step.goOn, .callOff] {
                var next = play
                guard next.take(step, by: actor) else { continue }
                if let fault = next.fault { Issue.record("\(fault): \(next)") }
                explore(next, depth: depth - 1, &checked)
            }
        }
    }

    private struct Play {
        enum Step { case goOn, callOff }

        struct Actor {
            enum State { case begun, waitingToShare, sharing, waitingToClaim, claiming, waitingForEnds, alone, ended }

            let claims: Bool
            var state = State.begun
        }

        static let workspace = WorkspaceID(org: 1, key: "k")
        var machine = WorkspaceLockMachine<Int, Entry>()
        var actors = [false, false, true, false, true].map { Actor(claims: $0) }

        /// What must never be; nil: all is well.
        var fault: String? {
            let claimants = actors.count { $0.state == .alone }
            let isShared = actors.contains { $0.state == .sharing }
            let isQuiet = actors.allSatisfy { $0.state == .begun || $0.state == .ended }
            let canGoOn = actors.contains { [.sharing, .claiming, .alone].contains($0.state) }
            if claimants > 1 || (claimants == 1 && isShared) { return "a claimant is not alone" }
            if isQuiet, !machine.isEmpty { return "something is kept for nobody" }
            return isQuiet || canGoOn ? nil : "all wait"
        }

        /// False: there is no such step.
        mutating func take(_ step: Step, by actor: Int) -> Bool {
            let id = UInt64(actor)
            switch (step, actors[actor].state) {
            case (.goOn, .begun) where actors[actor].claims:
                actors[actor].state = machine.claim(Self.workspace, id, actor) ? .claiming : .waitingToClaim
            case (.goOn, .begun):
                actors[actor].state = machine.share(Self.workspace, id, actor) ? .sharing : .waitingToShare
            case (.goOn, .claiming):
                let isAlone = machine.awaitEnds(of: Self.workspace, id, actor)
                actors[actor].state = isAlone ? .alone : .waitingForEnds
            case (.goOn, .sharing):
                actors[actor].state = .ended
                resume(machine.ended(Self.workspace))
            case (.goOn, .alone), (.callOff, .claiming):
                actors[actor].state = .ended
                resume(machine.unclaim(Self.workspace))
            case (.callOff, .waitingToShare), (.callOff, .waitingToClaim):
                let cancelled = machine.cancel(id)
                #expect(cancelled == actor)
                actors[actor].state = .ended
            case (.callOff, .waitingForEnds):
                let cancelled = machine.cancel(id)
                #expect(cancelled == actor)
                actors[actor].state = .ended
                resume(machine.unclaim(Self.workspace))
            default:
                return false
            }
            return true
        }

        private mutating func resume(_ waiters: [Int]) {
            for waiter in waiters {
                switch actors[waiter].state {
                case .waitingToShare: actors[waiter].state = .sharing
                case .waitingToClaim: actors[waiter].state = .claiming
                case .waitingForEnds: actors[waiter].state = .alone
                default: Issue.record("\(waiter) was resumed and does not wait")
                }
            }
        }
    }
}
