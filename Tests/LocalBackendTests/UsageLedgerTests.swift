import AgentBackend
import Testing

@testable import LocalBackend

@Suite struct UsageLedgerTests {
    private static let limits = UsageLedger.Limits(
        workspace: UsageAmount(bytes: 1000, inodes: 20),
        org: UsageAmount(bytes: 1500, inodes: 30)
    )

    private func counted(_ ledger: inout UsageLedger, _ usage: DiskUsage = DiskUsage()) -> UsageLedger.Workspace {
        let workspace = ledger.open()
        ledger.beginCount(of: workspace)
        ledger.endCount(of: workspace, usage)
        return workspace
    }

    private func refusal(_ ledger: inout UsageLedger, _ asked: UsageAmount, _ workspace: UInt64) -> UsageLedger.Refusal?
    {
        do throws(UsageLedger.Refusal) {
            try ledger.reserve(asked, of: workspace)
            return nil
        } catch {
            return error
        }
    }

    /// What is written behind a simple sum, of histories at random: nothing is refused that fits, nothing is granted that
    /// does not, and all is given back.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func isASum(seed: UInt64) throws {
        var random = Numbers(seed: seed)
        var ledger = UsageLedger(Self.limits)
        var model: [UInt64: (held: UsageAmount, reserved: [UsageAmount])] = [:]
        for _ in 0..<2 { model[counted(&ledger)] = (UsageAmount(), []) }
        func sum(_ part: (UsageAmount, [UsageAmount])) -> UsageAmount { part.1.reduce(part.0, +) }
        for _ in 0..<2000 {
            let keys = model.keys.sorted()
            let workspace = keys[random.next(below: keys.count)]
            guard var account = model[workspace] else { continue }
            switch random.next(below: 20) {
            case 0..<8:
                let asked = UsageAmount(
                    bytes: UInt64(random.next(below: 400)),
                    inodes: UInt64(random.next(below: 4))
                )
                let own = sum(account)
                let all = model.values.map { sum($0) }.reduce(UsageAmount(), +)
                let limit = Self.limits
                let fits =
                    (asked.bytes == 0 || own.bytes + asked.bytes <= limit.workspace.bytes)
                    && (asked.bytes == 0 || all.bytes + asked.bytes <= limit.org.bytes)
                    && (asked.inodes == 0 || own.inodes + asked.inodes <= limit.workspace.inodes)
                    && (asked.inodes == 0 || all.inodes + asked.inodes <= limit.org.inodes)
                let refused = refusal(&ledger, asked, workspace)
                #expect((refused == nil) == fits)
                if let refused { #expect(refused.used + refused.asked > refused.allowed) }
                if fits { account.reserved.append(asked) }
            case 8..<14 where !account.reserved.isEmpty:
                // It took no more than was reserved.
                let kept = account.reserved.remove(at: random.next(below: account.reserved.count))
                let taken = UsageAmount(
                    bytes: UInt64(random.next(below: Int(kept.bytes) + 1)),
                    inodes: UInt64(random.next(below: Int(kept.inodes) + 1))
                )
                ledger.begin(workspace)
                let change = UsageChange(
                    files: Int64(taken.inodes),
                    bytes: Int64(taken.bytes) / 2,
                    allocatedBytes: Int64(taken.bytes)
                )
                ledger.end(workspace, by: change, releasing: kept)
                account.held = account.held + taken
            case 14 where !account.reserved.isEmpty:
                ledger.release(account.reserved.removeLast(), of: workspace)
            case 15..<18:
                let gone = UsageAmount(
                    bytes: UInt64(random.next(below: Int(account.held.bytes) + 1)),
                    inodes: UInt64(random.next(below: Int(account.held.inodes) + 1))
                )
                ledger.begin(workspace)
                let change = UsageChange(files: -Int64(gone.inodes), allocatedBytes: -Int64(gone.bytes))
                ledger.end(workspace, by: change, releasing: UsageAmount())
                account.held = account.held - gone
            case 18 where random.next(below: 10) == 0:
                ledger.close(workspace)
                // What still runs on it says so in vain.
                ledger.end(workspace, by: UsageChange(files: 1), releasing: UsageAmount(bytes: 1))
                model[workspace] = nil
                model[counted(&ledger)] = (UsageAmount(), [])
                continue
            default:
                ledger.beginCount(of: workspace)
                ledger.endCount(
                    of: workspace,
                    DiskUsage(files: account.held.inodes, allocatedBytes: account.held.bytes)
                )
                #expect(ledger.isExact(workspace))
            }
            model[workspace] = account
            #expect(ledger.usage(of: workspace).map { UsageAmount($0) } == account.held)
            #expect(ledger.used == model.values.map(\.held).reduce(UsageAmount(), +))
        }
        for workspace in model.keys { ledger.close(workspace) }
        #expect(ledger.used == UsageAmount())
        let all = counted(&ledger)
        #expect(refusal(&ledger, Self.limits.workspace, all) == nil, "nothing is kept for what is gone")
    }

    @Test func aCountIsExactWhereNothingHappensMeanwhile() {
        var ledger = UsageLedger(Self.limits)
        let workspace = ledger.open()
        #expect(!ledger.isCounted(workspace) && !ledger.isExact(workspace))
        ledger.beginCount(of: workspace)
        ledger.abandonCount(of: workspace)
        #expect(!ledger.isCounted(workspace))
        ledger.beginCount(of: workspace)
        ledger.endCount(of: workspace, DiskUsage(files: 1))
        #expect(ledger.isExact(workspace))
        // An operation that begins before the count and ends in it, and one that begins in it and ends after.
        ledger.begin(workspace)
        ledger.beginCount(of: workspace)
        ledger.end(workspace, by: UsageChange(files: 1), releasing: UsageAmount())
        ledger.endCount(of: workspace, DiskUsage(files: 1))
        #expect(!ledger.isExact(workspace) && ledger.usage(of: workspace)?.files == 2)
        ledger.beginCount(of: workspace)
        ledger.begin(workspace)
        ledger.endCount(of: workspace, DiskUsage(files: 2))
        ledger.end(workspace, by: UsageChange(), releasing: UsageAmount())
        #expect(!ledger.isExact(workspace))
        // Commands.
        ledger.commandBegan(in: workspace)
        ledger.beginCount(of: workspace)
        ledger.endCount(of: workspace, DiskUsage(files: 2))
        #expect(!ledger.isExact(workspace), "one runs yet")
        ledger.beginCount(of: workspace)
        ledger.commandEnded(in: workspace)
        ledger.endCount(of: workspace, DiskUsage(files: 2))
        #expect(!ledger.isExact(workspace), "one ran meanwhile")
        ledger.beginCount(of: workspace)
        ledger.endCount(of: workspace, DiskUsage(files: 3))
        #expect(ledger.isExact(workspace) && ledger.usage(of: workspace)?.files == 3)
    }

    @Test func refusalsNameTheLimit() {
        var ledger = UsageLedger(Self.limits)
        let first = counted(&ledger, DiskUsage(files: 19, allocatedBytes: 900))
        #expect(
            refusal(&ledger, UsageAmount(bytes: 101), first)
                == UsageLedger.Refusal(limit: "workspace_bytes", used: 900, asked: 101, allowed: 1000)
        )
        #expect(
            refusal(&ledger, UsageAmount(inodes: 2), first)
                == UsageLedger.Refusal(limit: "workspace_inodes", used: 19, asked: 2, allowed: 20)
        )
        let second = counted(&ledger)
        #expect(refusal(&ledger, UsageAmount(bytes: 700), second)?.limit == "org_disk_bytes")
        #expect(refusal(&ledger, UsageAmount(inodes: 12), second)?.limit == "org_disk_inodes")
        #expect(refusal(&ledger, UsageAmount(bytes: .max, inodes: .max), second)?.limit == "workspace_bytes")
        // More than is allowed: what asks for none of it is not held up.
        ledger.limits.workspace.bytes = 10
        #expect(refusal(&ledger, UsageAmount(inodes: 1), first) == nil)
    }
}
