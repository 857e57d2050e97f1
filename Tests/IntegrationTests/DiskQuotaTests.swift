import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
import NIOCore
import Testing

extension IntegrationTests {
    /// What workspaces and orgs may hold on the disk, over the wire.
    @Suite(.timeLimit(.minutes(2)))
    struct DiskQuotaTests {
        private static let target = BrokerTarget(key: "small")

        private func write(
            _ path: String,
            _ count: Int,
            _ connection: BrokerConnection,
            on target: BrokerTarget = target,
            call: BrokerCallOptions = BrokerCallOptions()
        ) async throws {
            let bytes = ByteBuffer(repeating: 1, count: count)
            try await connection.write(try WorkspacePath(path), bytes, on: target, call: call)
        }

        @Test func aWorkspaceThatIsFullRefusesWhatTakesMore() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxWorkspaceBytes = 256 << 10
            } _: { acme, umbrella in
                try await write("a", 200 << 10, acme)
                let error = await failure { try await write("b", 100 << 10, acme) }
                #expect(error?.code == .resourceExhausted)
                let details = LimitDetails(
                    name: "workspace_bytes",
                    used: 200 << 10,
                    asked: 100 << 10,
                    allowed: 256 << 10
                )
                #expect(error?.limit == details)
                #expect(try await !acme.exists(try WorkspacePath("b"), on: Self.target))
                // A stream, which says nothing of its length before.
                let long = await failure { try await write("b", 5 << 20, acme) }
                #expect(long?.limit?.name == "workspace_bytes")
                // Others do not notice, nor another workspace of the org.
                try await write("b", 5 << 20, umbrella)
                try await write("b", 100 << 10, acme, on: BrokerTarget(key: "other"))
                try await acme.rm(try WorkspacePath("a"), on: Self.target)
                try await write("b", 100 << 10, acme)
                #expect(try await acme.diskUsage(.root, on: Self.target).allocatedBytes == 100 << 10)
            }
        }

        @Test func theWorkspacesOfAnOrgHaveALimitTogether() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxDiskBytes = 256 << 10
                $0.orgs[0].limits.maxDiskInodes = 3
            } _: { acme, umbrella in
                try await write("a", 200 << 10, acme)
                let other = BrokerTarget(key: "other")
                #expect(
                    await failure { try await write("b", 100 << 10, acme, on: other) }?.limit?.name == "org_disk_bytes"
                )
                for name in ["b", "c"] { try await write(name, 0, acme, on: other) }
                #expect(await failure { try await write("d", 0, acme, on: other) }?.limit?.name == "org_disk_inodes")
                try await write("b", 300 << 10, umbrella)
                // A workspace that is deleted takes nothing any more.
                #expect(try await acme.deleteWorkspace(key: "small"))
                try await write("b", 200 << 10, acme, on: other)
            }
        }

        @Test func anOrgIsToldWhatItUsesOfWhatItMay() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxDiskBytes = 1 << 20
            } _: { acme, _ in
                try await write("a", 200 << 10, acme)
                let pools = try await acme.pools().reduce(into: []) { $0 += $1.limits }
                for limits in [try await acme.stats().limits, pools] {
                    let disk = limits.first { $0.name == "org_disk_bytes" }
                    #expect(disk?.used == 200 << 10 && disk?.allowed == 1 << 20)
                }
                await #expect(throws: CancellationError.self) {
                    try await acme.upload(WorkspacePath("b"), name: "u", on: Self.target) { offset in
                        guard offset == 0 else { throw CancellationError() }
                        return ByteBuffer(repeating: 1, count: 100)
                    }
                }
                let limits = try await acme.stats().limits
                #expect(limits.first { $0.name == "uploads" }?.used == 1)
            }
        }

        @Test func aChangeThatIsSentAgainCountsOnce() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxWorkspaceBytes = 256 << 10
            } _: { acme, _ in
                let call = BrokerCallOptions(idempotencyKey: "once")
                for _ in 0..<3 { try await write("a", 200 << 10, acme, call: call) }
                try await write("b", 56 << 10, acme)
                #expect(try await acme.diskUsage(.root, on: Self.target).allocatedBytes == 256 << 10)
            }
        }

        @Test func commandsThatFillTheDiskAreEnded() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxWorkspaceBytes = 1 << 20
            } _: { acme, umbrella in
                func run(_ line: String, _ connection: BrokerConnection) async throws -> ExecEnd.Outcome {
                    try await connection.run(ExecRequest(.shellLine(Array(line.utf8))), on: Self.target).end.outcome
                }
                // By itself it goes on for ever.
                let fill = "i=0; while :; do head -c 100k /dev/zero > f$i; i=$((i + 1)); sleep 0.01; done"
                #expect(try await run(fill, acme) == .diskQuota(1 << 20))
                let usage = try await acme.diskUsage(.root, on: Self.target)
                #expect(usage.allocatedBytes > 1 << 20)
                let error = await failure { try await write("a", 1, acme) }
                #expect(error?.limit?.used == usage.allocatedBytes)
                // One that makes room is not ended, however long it takes.
                let free = "for f in f*; do rm $f; sleep 0.01; done; sleep 2"
                #expect(try await run(free, acme) == .exited(code: 0))
                try await write("a", 1, acme)
                #expect(try await acme.diskUsage(.root, on: Self.target).files == 1)
                #expect(try await run("head -c 2M /dev/zero > f; sleep 2", umbrella) == .exited(code: 0))
            }
        }

        @Test func commandsAreCountedAndMayRemoveWhatIsTooMuch() async throws {
            try await withOrgs {
                $0.orgs[0].limits.maxWorkspaceBytes = 256 << 10
            } _: { acme, _ in
                func run(_ line: String) async throws {
                    let result = try await acme.run(ExecRequest(.shellLine(Array(line.utf8))), on: Self.target)
                    #expect(result.isSuccess, "\(line): \(String(buffer: result.standardError))")
                }
                try await write("a", 100 << 10, acme)
                try await run("head -c 100k a > b; head -c 90k a > c; ln -s a link; mkdir d")
                let usage = try await acme.diskUsage(.root, on: Self.target)
                #expect(usage.files == 4 && usage.directories == 1 && usage.allocatedBytes == 292 << 10)
                #expect(await failure { try await write("d/e", 1, acme) }?.limit?.used == 292 << 10)
                try await run("rm b")
                try await write("d/e", 1, acme)
            }
        }
    }
}
