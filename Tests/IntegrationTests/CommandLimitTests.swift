import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// What commands may use, over the wire: by their org's configuration, their entry's and their own.
    @Suite(.timeLimit(.minutes(2)))
    struct CommandLimitTests {
        private static let target = BrokerTarget(key: "limits")

        private static func request(_ line: String, _ limits: ExecLimits = ExecLimits()) -> ExecRequest {
            ExecRequest(.shellLine(Array(line.utf8)), limits: limits)
        }

        private static let hasControlGroups =
            geteuid() == 0 && access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0

        @Test func whatACommandAsksForEndsIt() async throws {
            try await withOrgs { acme, _ in
                func outcome(_ line: String, _ limits: ExecLimits) async throws -> ExecEnd.Outcome {
                    try await acme.run(Self.request(line, limits), on: Self.target).end.outcome
                }
                #expect(try await outcome("yes", ExecLimits(outputBytes: 5000)) == .outputLimit(5000))
                let file = "exec head -c 9000 /dev/zero > file"
                #expect(try await outcome(file, ExecLimits(fileBytes: 4096)) == .fileSizeLimit(4096))
                let spin = "while :; do :; done"
                let time = Duration.milliseconds(200)
                #expect(try await outcome(spin, ExecLimits(cpuTime: time)) == .cpuTimeLimit(time))
                let files = try await acme.run(Self.request("ulimit -n", ExecLimits(openFiles: 33)), on: Self.target)
                #expect(String(buffer: files.standardOutput) == "33\n")
            }
        }

        @Test(.enabled(if: hasControlGroups)) func itsMemoryAndProcessesAreItsOwn() async throws {
            try await withOrgs { acme, _ in
                let memory = try await acme.run(
                    Self.request("exec tail /dev/zero", ExecLimits(memoryBytes: 32 << 20)),
                    on: Self.target
                )
                #expect(memory.end.outcome == .outOfMemory)
                let line = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.01 & done 2> /dev/null; wait"
                let processes = try await acme.run(Self.request(line, ExecLimits(processes: 4)), on: Self.target)
                #expect(processes.end.reachedProcessLimit)
                #expect(try await !acme.run(Self.request(line), on: Self.target).end.reachedProcessLimit)
            }
        }

        @Test func anOrgsLimitsHoldForItsCommandsAlone() async throws {
            try await withOrgs {
                $0.orgs[0].exec.maxOpenFiles = 99
                $0.orgs[0].exec.maxFileBytes = 4096
                $0.orgs[0].exec.maxOutputBytes = 10_000
            } _: { acme, umbrella in
                let line = "ulimit -n; head -c 9000 /dev/zero > file; stat -c %s file; head -c 20000 /dev/zero"
                let limited = try await acme.run(Self.request(line), on: Self.target)
                #expect(String(buffer: limited.standardOutput).hasPrefix("99\n4096\n"))
                #expect(limited.end.outcome == .outputLimit(10_000))
                #expect(limited.standardOutputCount + limited.standardErrorCount == 10_000)
                let free = try await umbrella.run(Self.request(line), on: Self.target)
                #expect(String(buffer: free.standardOutput).hasPrefix("1024\n9000\n"))
                #expect(free.isSuccess && free.standardOutputCount > 20_000)
            }
        }

        @Test func nobodyAsksForMoreThanThereIs() async throws {
            try await withOrgs {
                $0.orgs[0].exec.maxOpenFiles = 99
                $0.orgs[0].exec.maxProcesses = 50
            } _: { acme, _ in
                let call = await failure {
                    _ = try await acme.run(Self.request("true", ExecLimits(openFiles: 100)), on: Self.target)
                }
                #expect(call?.code == .invalidArgument && call?.reason == .tooLarge)
                #expect(call?.limit == LimitDetails(name: "open_files", used: 100, allowed: 99))
                func acquire(_ limits: ExecLimits, _ body: (BrokerTarget) async throws -> Void) async throws {
                    let configuration = EntryConfiguration(limits: EntryLimits(exec: limits))
                    let target = BrokerTarget(key: "entry")
                    try await acme.withLease(on: target, configuration: configuration, body)
                }
                let entry = await failure { try await acquire(ExecLimits(processes: 51)) { _ in } }
                #expect(entry?.limit == LimitDetails(name: "processes", used: 51, allowed: 50))
                try await acquire(ExecLimits(openFiles: 44)) { leased in
                    let files = try await acme.run(Self.request("ulimit -n"), on: leased)
                    #expect(String(buffer: files.standardOutput) == "44\n")
                    let more = await failure {
                        _ = try await acme.run(Self.request("true", ExecLimits(openFiles: 45)), on: leased)
                    }
                    #expect(more?.limit == LimitDetails(name: "open_files", used: 45, allowed: 44))
                }
                let zero = await failure {
                    _ = try await acme.run(Self.request("true", ExecLimits(processes: 0)), on: Self.target)
                }
                #expect(zero?.code == .invalidArgument)
            }
        }

        @Test func theHostsNetworkIsForWhoMayHaveIt() async throws {
            try await withOrgs {
                $0.orgs[0].exec.hostNetwork = true
            } _: { acme, umbrella in
                var request = Self.request("tail -n +2 /proc/net/route | wc -l")
                request.network = .host
                let host =
                    try String(contentsOfFile: "/proc/net/route", encoding: .utf8).split(separator: "\n").count - 1
                let seen = try await acme.run(request, on: Self.target)
                #expect(String(buffer: seen.standardOutput) == "\(host)\n")
                let refused = await failure { [request] in _ = try await umbrella.run(request, on: Self.target) }
                #expect(refused?.code == .permissionDenied)
                #expect(refused?.message.contains("exec.host_network") == true)
            }
        }

        @Test func aCommandInTheBackgroundIsHeldToThemToo() async throws {
            try await withOrgs { acme, _ in
                let request = Self.request("yes", ExecLimits(outputBytes: 5000))
                let command = try await acme.execDetached(request, on: Self.target)
                let end = try await command.wait()
                #expect(end.outcome == .outputLimit(5000))
                #expect(end.usage.standardOutputBytes >= 5000)
            }
        }
    }
}
