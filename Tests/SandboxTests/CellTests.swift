import AgentBackend
import CLinux
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// That a command finds nothing of those that ran before it, also where it gets their namespaces.
    @Suite struct CellTests {
        /// In a new cell the first program is the second process.
        private static func isNew(_ fixture: SandboxFixture) async throws -> Bool {
            try await fixture.run("echo $$").output == "2\n"
        }

        @Test func whatNothingWasLeftInIsUsedAgain() async throws {
            try await SandboxFixture.with { fixture in
                #expect(try await Self.isNew(fixture))
                for line in [
                    "exit 3", "kill -9 $$", "sleep 1000 & setsid sleep 1000 & exit", "touch file; /none",
                    "echo x > /tmp/x; rm /tmp/x",
                ] {
                    _ = try await fixture.run(line)
                    #expect(try await !Self.isNew(fixture), "\(line)")
                }
                await expectError(.execError, .notFound) { _ = try await fixture.run(fixture.command(["/none"])) }
                let next = try await fixture.run("[ $$ != 2 ] && p=(/proc/[0-9]*); echo ${#p[@]}")
                #expect(next.output == "2\n")
            }
        }

        @Test(arguments: [
            "touch /tmp/x", "touch /dev/shm/x", "ln -s x /tmp/x", "chmod 000 /tmp", "mkdir /tmp/d",
            "sleep 1000 & echo data > /tmp/x", "python3 -c 'import os; os.setxattr(\"/tmp\", \"user.x\", b\"y\")'",
        ])
        func whatSomethingWasLeftInIsNotUsedAgain(line: String) async throws {
            try await SandboxFixture.with { fixture in
                // As fast after the cell was made as can be, and later.
                for _ in 0..<3 {
                    #expect(try await fixture.run(line).exitCode == 0)
                    #expect(try await Self.isNew(fixture))
                    let next = try await fixture.run("ls -A /tmp /dev/shm; stat -c %a /tmp /dev/shm")
                    #expect(next.output == "/dev/shm:\n\n/tmp:\n1777\n1777\n")
                }
            }
        }

        @Test func aKilledCommandsCellIsNotUsedAgain() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.start(fixture.command("sleep 1000"))
                try running.signal(SIGKILL)
                #expect(try await Finished(running).signal == SIGKILL)
                #expect(try await Self.isNew(fixture))
            }
        }

        /// The init is of the command's user, and the next command inherits from it.
        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/python3")))
        func theInitIsNotToBeChanged() async throws {
            try await SandboxFixture.with { fixture in
                let program = """
                    import errno, os, resource, signal
                    def tried(call, *arguments):
                        try: print(call.__name__, call(*arguments))
                        except OSError as error: print(call.__name__, errno.errorcode[error.errno])
                    tried(os.setpriority, os.PRIO_PROCESS, 1, 10)
                    tried(os.setpriority, os.PRIO_USER, os.getuid(), 10)
                    tried(os.sched_setaffinity, 1, [0])
                    tried(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0))
                    tried(resource.prlimit, 1, resource.RLIMIT_NOFILE, (16, 16))
                    tried(open, "/proc/1/oom_score_adj", "w")
                    tried(open, "/proc/1/mem", "rb")
                    tried(open, "/proc/1/environ", "rb")
                    tried(os.listdir, "/proc/1/fd")
                    tried(os.setpriority, os.PRIO_PROCESS, 0, 5)
                    for number in range(1, 65):
                        if number not in (32, 33): os.kill(1, number)
                    print("alive")
                    """
                let finished = try await fixture.run(fixture.command(["/usr/bin/python3", "-c", program]))
                #expect(
                    finished.output.split(separator: "\n") == [
                        "setpriority EPERM", "setpriority EPERM", "sched_setaffinity EPERM", "sched_setscheduler EPERM",
                        "prlimit EPERM", "open EACCES", "open EACCES", "open EACCES", "listdir EACCES",
                        "setpriority None", "alive",
                    ],
                    "\(finished.error)"
                )
                #expect(try await fixture.run("nice").output == "0\n")
            }
        }

        /// The agent and the init of a cell do not wait for the ends of others' turns, which are those of what they start.
        /// Where all are ahead of others, they stay as they are.
        @Test(.enabled(if: linux_turn(0) > 0 && getpriority(Int32(PRIO_PROCESS.rawValue), 0) >= 0))
        func commandsTakeOrdinaryTurns() async throws {
            try await SandboxFixture.with { fixture in
                let marker = "marker-\(UUID().uuidString)"
                var command = fixture.command(["sleep", "1000"])
                command.environment = try Environment(["MARKER": marker])
                let running = try await fixture.start(command)
                var found: [String] = []
                while found.isEmpty {
                    await Task.yield()
                    found = Host.processes(with: marker)
                }
                let program = try #require(found.first.flatMap { pid_t($0) })
                let initProcess = try Host.parent(of: program)
                let agent = try Host.parent(of: initProcess)
                #expect([program, initProcess, agent].map { linux_turn($0) } == [linux_turn(0), 100_000, 100_000])
                running.terminate(.cancelled)
                _ = await running.waitForEnd()
            }
        }

        @Test func usageIsOfOneCommandAlone() async throws {
            try await SandboxFixture.with { fixture in
                let large =
                    "head -c 40000000 /dev/zero | tail -n 1 > /dev/null; i=0; while [ $((i+=1)) -lt 50000 ]; do :; done"
                let first = try await fixture.run(large).end.usage
                let second = try await fixture.run("true").end.usage
                #expect(second.user + second.system < first.user + first.system)
                #expect(first.maximumResidentBytes > 40_000_000 && second.maximumResidentBytes < 20_000_000)
            }
        }

        @Test func commandsAtTheSameTimeHaveCellsOfTheirOwn() async throws {
            try await SandboxFixture.with { fixture in
                var running: [RunningCommand] = []
                for _ in 0..<8 {
                    var command = fixture.command("readlink /proc/self/ns/pid; cat; ls -d /proc/[0-9]* | wc -l")
                    command.opensStandardInput = true
                    running.append(try await fixture.start(command))
                }
                var cells: Set<String> = []
                for command in running { cells.insert(try await command.readLine()) }
                #expect(cells.count == 8)
                for command in running {
                    command.closeInput()
                    // The init, two shells at most, ls(1) and wc(1).
                    #expect(Int(try await Finished(command).output.dropLast()).map { $0 <= 5 } == true)
                }
            }
        }
    }
}
