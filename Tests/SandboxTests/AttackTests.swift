import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// What a command may try to reach of the host. Each attack is made as the same user outside of the sandbox first,
    /// where it works.
    @Suite struct AttackTests {
        struct Attack: Sendable, CustomTestStringConvertible {
            let name: String
            /// For bash, with $OUTSIDE, a directory beside the workspace, $VICTIM, a process that works there, and $PORT,
            /// one on which somebody listens. Prints "reached" where it succeeds.
            let line: String
            /// Outside it takes root.
            var needsRoot = false

            var testDescription: String { name }

            private static func python(_ program: String) -> String {
                "/usr/bin/python3 - <<'END'\nimport ctypes, os, socket\nlibc = ctypes.CDLL(None)\n\(program)\nEND"
            }

            private static func call(_ name: String, _ arguments: String) -> Attack {
                Attack(name: name, line: python("if libc.syscall(\(arguments)) >= 0: print('reached')"))
            }

            /// Of a call that says what is wrong with its arguments, or that the kernel has no such thing, only to who may make it.
            private static func privilegedCall(_ name: String, _ arguments: String) -> Attack {
                let program = """
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.syscall(\(arguments)) >= 0 or ctypes.get_errno() != 1: print('reached')
                    """
                return Attack(name: name, line: python(program), needsRoot: true)
            }

            static let all = [
                Attack(name: "reading by path", line: "cat $OUTSIDE/secret"),
                Attack(name: "writing by path", line: "echo x > $OUTSIDE/written && echo reached"),
                Attack(name: "symbolic link", line: "ln -sf $OUTSIDE/secret link; cat link"),
                Attack(name: "hard link", line: "ln -f $OUTSIDE/secret hard && cat hard"),
                Attack(name: "root of a process", line: "cat /proc/[0-9]*/root$OUTSIDE/secret"),
                Attack(name: "working directory of a process", line: "cat /proc/[0-9]*/cwd/secret"),
                Attack(name: "leaving a directory upwards", line: "cat ../outside/secret ../../outside/secret"),
                Attack(name: "signal", line: "kill -0 $VICTIM && echo reached"),
                Attack(
                    name: "environment of a process",
                    line: "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep reached"
                ),
                Attack(
                    name: "command lines",
                    line: "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -x 'victim-reache[d]'"
                ),
                Attack(name: "priority of a process", line: "renice -n 5 -p $VICTIM > /dev/null && echo reached"),
                Attack(
                    name: "priority of all of a user",
                    line: python("os.setpriority(os.PRIO_USER, 0, 5)\nprint('reached')")
                ),
                Attack(
                    name: "unix socket",
                    line: python(
                        "s = socket.socket(socket.AF_UNIX)\ns.connect(os.environ['OUTSIDE'] + '/socket')\nprint('reached')"
                    )
                ),
                Attack(
                    name: "abstract socket",
                    line: python(
                        "s = socket.socket(socket.AF_UNIX)\ns.connect('\\0' + os.environ['OUTSIDE'])\nprint('reached')"
                    )
                ),
                Attack(name: "loopback port", line: "exec 3<> /dev/tcp/127.0.0.1/$PORT && echo reached"),
                Attack(name: "shared memory", line: "ipcs -m | grep -q 666 && echo reached"),
                Attack(name: "user namespace", line: "unshare --user --map-root-user true && echo reached"),
                Attack(
                    name: "mount namespace",
                    line: "unshare --user --map-root-user --mount mount -t tmpfs x /mnt && echo reached"
                ),
                call("ptrace", "101, 0, 0, 0, 0"),
                call("keyring", "248, b'user', b'name', b'value', 5, -4"),
                call("io_uring", "425, 1, ctypes.create_string_buffer(256)"),
                call("userfaultfd", "323, 1"),
                privilegedCall("module", "175, b'x', 1, b''"),
                privilegedCall("module in a file", "313, 0, b'', 0"),
                privilegedCall("bpf", "321, 0, ctypes.create_string_buffer(b'\\x02' + bytes(127)), 128"),
                Attack(name: "device", line: "mknod node c 1 3 && echo reached", needsRoot: true),
                Attack(name: "setuid program of the workspace", line: "[ $(./setuid -u) = 0 ] && echo reached"),
                Attack(
                    name: "setuid program of the system",
                    // What it ran as shows until it is waited for.
                    line: python(
                        """
                        child = os.posix_spawn("/usr/bin/su", ["su", "--version"], {})
                        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
                        ids = next(line for line in open(f"/proc/{child}/status") if line.startswith("Uid:"))
                        if ids.split()[2] == "0": print("reached")
                        """
                    )
                ),
                Attack(
                    name: "memory of a process",
                    line: python(
                        """
                        class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
                        secret = ctypes.create_string_buffer(b"reached")
                        copy = ctypes.create_string_buffer(8)
                        there, here = Part(ctypes.addressof(secret), 7), Part(ctypes.addressof(copy), 7)
                        if libc.process_vm_readv(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 7:
                            print(copy.value.decode())
                        """
                    )
                ),
                Attack(
                    name: "more processes than are counted",
                    line: "ulimit -u 4000 && [ $(ls -d /proc/[0-9]* | wc -l) -gt 8 ] && echo reached"
                ),
            ]
        }

        @Test(.enabled(if: geteuid() == 0), arguments: Attack.all) func isHeldOff(attack: Attack) async throws {
            try await SandboxFixture.with { fixture in
                let host = try Host.Outside(beside: fixture)
                defer { host.end() }
                #expect(
                    try host.run(attack.line, asRoot: attack.needsRoot).contains("reached"),
                    "it does not work outside either"
                )
                var command = fixture.command(attack.line)
                command.environment = try host.environment
                let finished = try await fixture.run(command)
                #expect(!finished.output.contains("reached"), "\(finished.output)")
                #expect(kill(host.victim, 0) == 0)
            }
        }
    }

    /// What a command may do to those beside it.
    @Suite struct ExhaustionTests {
        @Test(.enabled(if: geteuid() == 0)) func aForkBombIsBoundedAndEnds() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumProcesses = 150
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let running = try await fixture.start(
                    fixture.command("bomb() { bomb | bomb & }; echo ready; bomb 2> /dev/null; sleep 1000")
                )
                #expect(try await running.readLine() == "ready\n")
                let other = WarmSandbox(
                    fixture.runner,
                    identity: HostIdentity(uid: 200_002, gid: 200_002),
                    tenant: CommandTenant(name: "other")
                )
                try await SandboxFixture.with { neighbour in
                    chown(neighbour.workspacePath, 200_002, 200_002)
                    let command = neighbour.command("echo calm")
                    let finished = try await Finished(other.start(command))
                    #expect(finished.output == "calm\n")
                }
                running.closeOutput()
                try running.signal(SIGKILL)
                _ = await running.waitForEnd()
                #expect(try await fixture.run("echo /proc/[0-9]*").output == "/proc/1 /proc/2\n")
                await other.destroy()
            }
        }

        /// Only the command that wants too much is killed, and told.
        @Test(.enabled(if: geteuid() == 0 && access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0))
        func aMemoryBombIsKilledAlone() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumMemory = 64 << 20
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let other = try await fixture.start(fixture.command("echo ready; sleep 1000"))
                #expect(try await other.readLine() == "ready\n")
                for _ in 0..<2 {
                    let filled = try await fixture.run(
                        "for d in /tmp /dev/shm; do head -c 90000000 /dev/zero > $d/x; done"
                    )
                    #expect(filled.error.contains("No space left"))
                }
                for line in ["tail /dev/zero", "exec tail /dev/zero", "tail /dev/zero | cat; exit 137"] {
                    let finished = try await fixture.run(line)
                    guard case .outOfMemory = finished.end.outcome else {
                        Issue.record("\(line): \(finished.end)")
                        continue
                    }
                }
                #expect(try await fixture.run("exit 137").exitCode == 137)
                #expect(try await fixture.run("kill -9 $$").signal == SIGKILL)
                other.terminate(.cancelled)
                #expect(try await Finished(other).terminationCause == .cancelled)
            }
        }

        @Test(.enabled(if: geteuid() == 0 && access("/sys/fs/cgroup/pids/cgroup.procs", W_OK) == 0))
        func processesOfASandboxAreCounted() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumProcesses = 20
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let program = """
                    import os, signal
                    made = 0
                    try:
                        while True:
                            if os.fork() == 0: signal.pause()
                            made += 1
                    except OSError as error: print(made < 20, error.errno)
                    """
                let finished = try await fixture.run(fixture.command(["/usr/bin/python3", "-c", program]))
                #expect(finished.output == "True 11\n")
                #expect(try await fixture.run("echo next").output == "next\n")
            }
        }

        @Test(.enabled(if: geteuid() == 0 && access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0))
        func noControlGroupIsLeft() async throws {
            try await SandboxFixture.with { fixture in
                _ = try await fixture.run("sleep 1000 & true")
                #expect(Host.controlGroups.count == 1)
            }
            #expect(Host.controlGroups == [])
        }

        @Test(.enabled(if: geteuid() == 0 && access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0))
        func whatAKilledBrokerLeftIsRemoved() throws {
            let left = Host.memoryGroup + "/agent-broker-\(Int32.max)-1"
            try #require(mkdir(left, 0o755) == 0 && mkdir(left + "/7", 0o755) == 0)
            _ = ControlGroups(ControlGroupPlaces(), processorWeight: 25)
            #expect(access(left, F_OK) != 0)
        }

        @Test func zombiesByTheThousandAreReaped() async throws {
            try await SandboxFixture.with { fixture in
                let program = """
                    import os
                    made = []
                    for number in range(1000):
                        made.append(os.fork())
                        if made[-1] == 0: os._exit(0)
                    # Each has ended, and is not reaped.
                    for process in made: os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
                    print("made")
                    """
                let finished = try await fixture.run(fixture.command(["/usr/bin/python3", "-c", program]))
                #expect(finished.output == "made\n" && finished.exitCode == 0)
                #expect(finished.end.lingeringProcesses == 0)
            }
        }

        @Test func descriptorsRunOutForItAlone() async throws {
            try await SandboxFixture.with { fixture in
                let program = """
                    import os
                    opened = 0
                    try:
                        while True:
                            os.open("/dev/null", os.O_RDONLY)
                            opened += 1
                    except OSError as error: print(opened, error.errno)
                    """
                let finished = try await fixture.run(fixture.command(["/usr/bin/python3", "-c", program]))
                #expect(finished.output == "1021 24\n")
            }
        }

        @Test func theWorkspaceIsEnteredAgainAfterItWasClosed() async throws {
            try await SandboxFixture.with { fixture in
                try fixture.write("kept", to: "file")
                #expect(try await fixture.run("chmod 000 /workspace; cat file").output == "")
                #expect(try await fixture.run("cat file; stat -c %a .").output == "kept700\n")
                // It cannot be removed while it is mounted.
                _ = try await fixture.run("rm -rf /workspace; rmdir /workspace")
                #expect(try await fixture.run("pwd; ls -A").output == "/workspace\n")
            }
        }

        @Test func killingAllThatItSeesEndsItAlone() async throws {
            try await SandboxFixture.with { fixture in
                let running = try await fixture.start(fixture.command("echo ready; sleep 1000"))
                #expect(try await running.readLine() == "ready\n")
                #expect(try await fixture.run("kill -9 1 $$").signal == SIGKILL)
                #expect(try await fixture.run("kill -9 -1; echo left").output == "left\n")
                #expect(!running.hasEnded)
                running.terminate(.cancelled)
                _ = await running.waitForEnd()
            }
        }
    }
}
