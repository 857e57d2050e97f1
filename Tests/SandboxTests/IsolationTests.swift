import AgentBackend
import CLinux
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite struct IsolationTests {
        @Test func seesItsWorkspaceAndTheSystemOnly() async throws {
            try await SandboxFixture.with { fixture in
                try fixture.write("mine", to: "file")
                let finished = try await fixture.run("ls /; echo; ls /workspace /home /root /var /run 2>&1")
                let (root, rest) = try #require(finished.output.split(separator: "\n\n").explodedPair)
                let names = Set(root.split(separator: "\n").map(String.init))
                #expect(names.isSuperset(of: ["dev", "etc", "proc", "tmp", "usr", "workspace"]))
                let system: Set = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
                #expect(names.subtracting(system).count == 6)
                #expect(rest.contains("/workspace:\nfile"))
                for directory in ["/home", "/root", "/var", "/run"] {
                    #expect(rest.contains("'\(directory)': No such file or directory"))
                }
            }
        }

        @Test func writesToItsWorkspaceAndTemporaryDirectoriesOnly() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run(
                    "for d in /workspace /tmp /dev/shm / /dev /usr /usr/bin /etc /proc; do touch $d/x 2> /dev/null "
                        + "&& echo $d; done"
                )
                #expect(finished.output == "/workspace\n/tmp\n/dev/shm\n")
            }
        }

        @Test func temporaryDirectoriesAreItsOwnAndBounded() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.temporaryDirectorySize = 1 << 20
            configuration.sharedMemorySize = 1 << 20
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run(
                    "for d in /tmp /dev/shm; do head -c 2000000 /dev/zero > $d/x; stat -c %s $d/x; done 2> /dev/null"
                )
                #expect(finished.output == "1048576\n1048576\n")
                let next = try await fixture.run("ls /tmp /dev/shm")
                #expect(next.output == "/dev/shm:\n\n/tmp:\n")
            }
        }

        @Test func hasNoPrivilegeAndNoDescriptorButItsStreams() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run(
                    "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ls /proc/$$/fd; true"
                )
                let none = "0000000000000000"
                #expect(
                    finished.output
                        == "CapInh:\t\(none)\nCapPrm:\t\(none)\nCapEff:\t\(none)\nCapBnd:\t\(none)\nCapAmb:\t\(none)\n"
                        + "NoNewPrivs:\t1\nSeccomp:\t2\n0\n1\n2\n"
                )
            }
        }

        @Test func seesItsOwnProcessesOnly() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("echo $$; for p in /proc/[0-9]*; do echo ${p##*/}; done")
                #expect(finished.output == "2\n1\n2\n")
            }
        }

        @Test func hasNoNetworkButItsOwnLoopback() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("tail -n +3 /proc/net/dev | cut -d: -f1; wc -l < /proc/net/route")
                #expect(finished.output.split(separator: "\n").map { $0.filter { $0 != " " } } == ["lo", "1"])
            }
        }

        @Test func doesNotTellTheHostsPath() async throws {
            try await SandboxFixture.with { fixture in
                // mountinfo and its like are the documented exception: the kernel shows what a bind is of.
                let line =
                    "cat /proc/1/cmdline /proc/1/environ /proc/self/environ /etc/passwd /proc/*/maps; "
                    + "ls -l /proc/*/cwd /proc/*/root /proc/*/fd; env; pwd -P; df /workspace > /dev/null"
                let finished = try await fixture.run(line)
                #expect(finished.output.contains("/proc/self/fd/"))
                let name = try #require(fixture.workspacePath.split(separator: "/").dropLast().last)
                #expect(!finished.output.contains(name) && !finished.error.contains(name))
            }
        }

        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/python3")))
        func systemCallsThatLeadOutAreRefused() async throws {
            try await SandboxFixture.with { fixture in
                let program = """
                    import ctypes, errno, socket, resource
                    libc = ctypes.CDLL(None, use_errno=True)
                    def tried(name, *arguments):
                        ctypes.set_errno(0)
                        result = getattr(libc, name)(*arguments)
                        print(name, result if result >= 0 else errno.errorcode[ctypes.get_errno()])
                    tried("unshare", 0x10000000)
                    tried("mount", b"x", b"/tmp", b"tmpfs", 0, None)
                    tried("ptrace", 0, 0, 0, 0)
                    tried("ioctl", 0, 0x5412, b"x")
                    tried("ioctl", 0, 0x5000940E, b"x")
                    tried("personality", 0x0000008)
                    tried("syscall", 425, 1, 0)
                    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_VSOCK):
                        try: socket.socket(family, socket.SOCK_STREAM); print(int(family), "made")
                        except OSError as error: print(int(family), errno.errorcode[error.errno])
                    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                    print("core", resource.getrlimit(resource.RLIMIT_CORE))
                    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
                    print("files", resource.getrlimit(resource.RLIMIT_NOFILE))
                    """
                let finished = try await fixture.run(fixture.command(["/usr/bin/python3", "-c", program]))
                #expect(
                    finished.output.split(separator: "\n") == [
                        "unshare EPERM", "mount EPERM", "ptrace EPERM", "ioctl EPERM", "ioctl EPERM",
                        "personality EPERM", "syscall ENOSYS", "1 made", "2 made", "40 EAFNOSUPPORT", "core (1, 1)",
                        "files (64, 64)",
                    ]
                )
                #expect(finished.error == "")
            }
        }

        @Test func filesAndProcessesAreLimited() async throws {
            var configuration = CommandRunner.Configuration()
            // Where there are control groups, those count processes.
            configuration.controlGroups.mounts = "/dev/null"
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run("ulimit -Hn; ulimit -Hu")
                let processes = fixture.identity == nil ? nil : "\(fixture.runner.configuration.maximumProcesses)"
                let lines = finished.output.split(separator: "\n").map(String.init)
                #expect(lines.first == "1024")
                if let processes { #expect(lines.last == processes) }
            }
        }

        // MARK: The workspace and its path

        @Test func aWorkspaceThatWasMovedIsStillTheWorkspace() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("scope"))
                try fixture.write("right", to: "scope/which")
                let scope = open(fixture.path("scope"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                defer { close(scope) }
                rename(fixture.path("scope"), fixture.path("moved"))
                symlink("/etc", fixture.path("scope"))
                var command = fixture.command("cat which")
                command.scope = scope
                #expect(try await fixture.run(command).output == "right")

                rmdir(fixture.path("moved"))
                try FileManager.default.removeItem(atPath: fixture.path("moved"))
                let removed = command
                await expectError(.execError, .notFound) { _ = try await fixture.run(removed) }
            }
        }

        /// Another directory under the name, between the moment that the name was asked for and its use.
        @Test func anotherDirectoryUnderTheNameIsNotBound() throws {
            let scope = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            defer { close(scope) }
            let result = CStringArray(["/usr/bin/true", "/usr/lib"].map { Array($0.utf8) }).withPointers { strings in
                var descriptors: [Int32] = [0, 1, 2]
                var launch = linux_launch()
                launch.is_apart = true
                launch.program = UnsafePointer(strings[0])
                launch.arguments = strings.baseAddress
                launch.switches_identity = SandboxFixture.identityOfCommands != nil
                launch.uid = SandboxFixture.uid
                launch.gid = SandboxFixture.gid
                launch.birthplace = -1
                launch.directory = scope
                launch.directory_path = UnsafePointer(strings[1])
                return descriptors.withUnsafeMutableBufferPointer { descriptors in
                    launch.descriptors = UnsafePointer(descriptors.baseAddress)
                    launch.descriptor_count = 3
                    var pidfd: Int32 = -1
                    var step = linux_launch_step_none
                    return (linux_start(&launch, &pidfd, &step), step)
                }
            }
            #expect(result == (-EXDEV, linux_launch_step_directory))
        }

        @Test func aNameThatIsSwappedAllTheTimeNeverLeadsElsewhere() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("scope"))
                try SandboxFixture.makeDirectory(fixture.path("decoy"))
                try fixture.write("right", to: "scope/which")
                try fixture.write("wrong", to: "decoy/which")
                let scope = open(fixture.path("scope"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                let root = fixture.workspace
                defer { close(scope) }
                let isDone = Atomic(false)
                let swapping = Completion<Void>()
                try DedicatedThread.start(name: "test-swap") {
                    while !isDone.load(ordering: .relaxed) { linux_rename_exchange(root, "scope", root, "decoy") }
                    swapping.fulfil(())
                }
                for _ in 0..<40 {
                    var command = fixture.command("cat which")
                    command.scope = scope
                    do throws(BackendError) {
                        let running = try await fixture.start(command)
                        #expect(try await running.readAll(.standardOutput) == "right")
                    } catch {
                        #expect(error.code == .pathEscapeAttempt, "\(error)")
                    }
                }
                isDone.store(true, ordering: .relaxed)
                await swapping.waitToTheEnd()
            }
        }

        // MARK: Scopes

        /// Commands of two scopes of one workspace, which run in one sandbox at the same time.
        @Test func scopesOfOneWorkspaceSeeNothingOfEachOther() async throws {
            try await SandboxFixture.with { fixture in
                for name in ["one", "two"] { try SandboxFixture.makeDirectory(fixture.path(name)) }
                try fixture.write("secret", to: "one/file")
                let scopes = ["one", "two"].map { open(fixture.path($0), O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
                defer { for scope in scopes { close(scope) } }

                var first = fixture.command(
                    "touch /tmp/one /dev/shm/one; ipcmk -M 64 > /dev/null; echo ready; sleep 1000"
                )
                first.scope = scopes[0]
                first.environment = try Environment(["SECRET": "hidden"])
                let running = try await fixture.start(first)
                #expect(try await running.readLine() == "ready\n")

                let look = """
                    ls -A /workspace /workspace/.. | grep -x -e one -e file; ls -A /tmp /dev/shm; \
                    ipcs -m | grep -c '^0x'; cat /proc/*/environ | grep -c hidden; set -- /proc/[0-9]*; echo $#; \
                    kill -9 -1; pkill -9 sleep; echo end
                    """
                var second = fixture.command(look)
                second.scope = scopes[1]
                let finished = try await fixture.run(second)
                // The shell and the init around it.
                #expect(finished.output == "/dev/shm:\n\n/tmp:\n0\n0\n2\nend\n")
                #expect(!running.hasEnded)
                running.terminate(.cancelled)
                #expect(try await Finished(running).terminationCause == .cancelled)
            }
        }

        @Test func aScopeIsWritableAndItsParentIsNot() async throws {
            try await SandboxFixture.with { fixture in
                try SandboxFixture.makeDirectory(fixture.path("scope"))
                try fixture.write("outside", to: "file")
                let scope = open(fixture.path("scope"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                defer { close(scope) }
                var command = fixture.command(
                    "mkdir d; echo x > d/f; mv d/f g; cat g; pwd; cat ../file ../workspace/file"
                )
                command.scope = scope
                let finished = try await fixture.run(command)
                #expect(finished.output == "x\n/workspace\n")
                #expect(FileManager.default.fileExists(atPath: fixture.path("scope/g")))
            }
        }

        /// Landlock's rules, beneath which the mounts are read-only anyway: what shows is a file of /proc.
        @Test(
            .enabled(
                if: FileManager.default.contents(atPath: "/sys/kernel/security/lsm").map {
                    String(decoding: $0, as: UTF8.self).contains("landlock")
                } ?? true
            )
        )
        func whatIsNotToBeWrittenCannotBeOpenedForIt() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("echo x > /proc/self/comm; echo $?; echo x > /dev/null; echo $?")
                #expect(finished.output == "1\n0\n")
                #expect(finished.error.contains("/proc/self/comm: Permission denied"))
            }
        }

        // MARK: The probe

        @Test func theProbeProvesBubblewrap() async {
            let report = await IsolationReport.probing(
                IsolationLevel.allCases.sorted(by: >),
                as: SandboxFixture.identityOfCommands
            )
            #expect(report.strongest == .bwrap, "\(report)")
            #expect(report.findings.map(\.level) == [.bwrap, .landlock, .software, .none])
            #expect(report.findings.allSatisfy { $0.isProven }, "\(report)")
        }

        @Test func theProbeEndsAtTheFirstThatWorks() async {
            let report = await IsolationReport.probing(
                IsolationReport.automaticLevels,
                untilProven: true,
                as: SandboxFixture.identityOfCommands
            )
            #expect(report.findings.map(\.level) == [.bwrap])
        }

        @Test func theProbeSaysWhatIsMissing() async {
            var configuration = CommandRunner.Configuration()
            configuration.bubblewrapPath = "/no/bwrap"
            let report = await IsolationReport.probing(
                IsolationReport.automaticLevels,
                untilProven: true,
                as: SandboxFixture.identityOfCommands,
                configuration: configuration
            )
            #expect(report.strongest == .landlock, "\(report)")
            #expect(report.finding(.bwrap)?.explanation.contains("apt-get install bubblewrap") == true)
        }
    }
}

extension Collection {
    fileprivate var explodedPair: (Element, Element)? {
        count == 2 ? (self[startIndex], self[index(after: startIndex)]) : nil
    }
}
