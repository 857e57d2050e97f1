import AgentBackend
import CLinux
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// Both versions of control groups, as files say that they are there.
    @Suite struct ControlGroupTests {
        /// A host of files.
        private struct FakeHost {
            let root: String
            var places = ControlGroupPlaces()

            init(membership: String, mounts: String) throws {
                var template = Array("/var/tmp/control-groups-XXXXXX".utf8CString)
                try #require(mkdtemp(&template) != nil)
                root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                places.membership = root + "/membership"
                places.mounts = root + "/mounts"
                try membership.write(toFile: places.membership, atomically: false, encoding: .utf8)
                try mounts.replacing("ROOT", with: root).write(
                    toFile: places.mounts,
                    atomically: false,
                    encoding: .utf8
                )
            }

            func makeGroup(_ path: String, controllers: String? = nil) throws {
                try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
                if let controllers { try write(controllers, to: "\(path)/cgroup.controllers") }
            }

            func write(_ text: String, to path: String) throws {
                try text.write(toFile: root + path, atomically: false, encoding: .utf8)
            }

            func read(_ path: String) -> String? { try? String(contentsOfFile: root + path, encoding: .utf8) }

            /// The one group in a group that is one of the broker's.
            func only(in path: String) throws -> String {
                let names = try FileManager.default.contentsOfDirectory(atPath: root + path)
                return try #require(names.first { $0.hasPrefix("agent-broker-") })
            }

            func remove() { try? FileManager.default.removeItem(atPath: root) }
        }

        private static let versionOne = """
            31 23 0:28 / ROOT rw - tmpfs tmpfs rw
            32 31 0:29 / ROOT/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
            35 31 0:32 /docker/1 ROOT/memory rw shared:9 - cgroup cgroup rw,memory
            39 31 0:36 / ROOT/pids rw - cgroup cgroup rw,pids
            """

        private static func describe(_ found: [ControlGroupHierarchy], _ host: FakeHost) -> [String] {
            found.map { "\($0.version) \($0.directory.dropFirst(host.root.count)) \($0.resources.map(\.name))" }
        }

        @Test func findsHierarchiesOfVersionOne() throws {
            let host = try FakeHost(
                membership: "9:name=systemd:/\n8:pids:/\n4:memory:/docker/1/a\n1:cpu,cpuacct:/b\n",
                mounts: Self.versionOne
            )
            defer { host.remove() }
            let (found, missing) = ControlGroupHierarchy.find(host.places)
            #expect(
                Self.describe(found, host) == [
                    "one /memory/a [\"memory\"]", "one /pids [\"processes\"]",
                    "one /cpu,cpuacct/b [\"CPU share\", \"CPU time\"]",
                ]
            )
            #expect(missing == [.network])
        }

        @Test func whatLiesOutsideOfTheMountIsNotFound() throws {
            let host = try FakeHost(
                membership: "8:pids:/../x\n4:memory:/docker/11\n1:cpu,cpuacct:/b\n",
                mounts: Self.versionOne
            )
            defer { host.remove() }
            #expect(ControlGroupHierarchy.find(host.places).missing == [.memory, .processes, .network])
        }

        @Test func versionTwoGoesFirstWhereItHasTheController() throws {
            let host = try FakeHost(
                membership: "8:pids:/\n4:memory:/docker/1\n1:cpu,cpuacct:/\n0::/x\n",
                mounts: Self.versionOne + "\n41 31 0:38 / ROOT/unified rw - cgroup2 cgroup2 rw\n"
            )
            defer { host.remove() }
            try host.makeGroup("/unified/x", controllers: "cpuset memory io\n")
            #expect(
                Self.describe(ControlGroupHierarchy.find(host.places).found, host) == [
                    "two /unified/x [\"memory\", \"host network\"]", "one /pids [\"processes\"]",
                    "one /cpu,cpuacct [\"CPU share\", \"CPU time\"]",
                ]
            )
        }

        @Test func versionTwoIsUsedAsItsRulesAre() throws {
            let host = try FakeHost(
                membership: "0::/service\n",
                mounts: "41 31 0:38 / ROOT rw - cgroup2 cgroup2 rw\n"
            )
            defer { host.remove() }
            try host.makeGroup("/service", controllers: "cpu io memory pids\n")
            let groups = ControlGroups(host.places, processorWeight: 25)
            let kept = groups.report.filter { $0.isProven && $0.mechanism == "control groups of version 2" }
            #expect(kept.map(\.limit) == ["memory", "processes", "CPU share", "CPU time"])
            // Files know no bpf(2).
            #expect(groups.report.last?.explanation.contains("CONFIG_CGROUP_BPF") == true)
            let top = "/service/" + (try host.only(in: "/service"))
            #expect(host.read("/service/cgroup.subtree_control") == "+memory +pids +cpu")
            #expect(host.read(top + "/cgroup.subtree_control") == "+memory +pids +cpu")

            let made = try groups.makeGroup(
                ControlGroupLimits(memory: 1 << 20, processes: 7),
                of: "org-1",
                within: ControlGroupLimits(memory: 1 << 30, processes: 70, processorWeight: 300)
            )
            let group = try #require(made)
            #expect(host.read(top + "/org-1/memory.max") == "1073741824")
            #expect(host.read(top + "/org-1/memory.swap.max") == "0")
            #expect(host.read(top + "/org-1/pids.max") == "70")
            #expect(host.read(top + "/org-1/cpu.weight") == "300")
            let sandbox = top + "/org-1/1"
            #expect(host.read(sandbox + "/memory.max") == "1048576")
            #expect(host.read(sandbox + "/cgroup.subtree_control") == "+memory +pids +cpu")
            let entrance = try group.openEntrance()
            // Nor can processes be made in directories.
            #expect(entrance.birthplace == nil && entrance.members.count == 1)
            #expect(host.read(sandbox + "/agent/cgroup.procs") == "")
            try host.write("low 3\nmax 4\noom 2\noom_kill 1\n", to: sandbox + "/agent/memory.events")
            try host.write("max 5\n", to: sandbox + "/pids.events")
            #expect(group.counts == ControlGroup.Counts(memoryKills: 1, refusedProcesses: 5))

            let control = try CommandControl(
                ExecLimits(cpuTime: .seconds(1), memoryBytes: 1 << 19, processes: 8),
                in: group
            )
            // Eight processes are no less than the sandbox may have.
            #expect(host.read(sandbox + "/1/memory.max") == "524288" && host.read(sandbox + "/1/pids.max") == nil)
            #expect(control.members.count == 1 && host.read(sandbox + "/1/cgroup.procs") == "")
            try host.write("usage_usec 1500\nuser_usec 1000\n", to: sandbox + "/1/cpu.stat")
            try host.write("oom_kill 2\n", to: sandbox + "/1/memory.events")
            #expect(control.processorTime == .microseconds(1500))
            #expect(control.happened() == ControlGroup.Counts(memoryKills: 2, refusedProcesses: 0))
        }

        /// Against the broker, whose threads count as one where the kernel has a group of them, and else each by itself.
        @Test(arguments: [(root: false, autogroup: "1"), (true, "0"), (true, "1")])
        func allCommandsTogetherWeighAgainstTheBroker(root: Bool, autogroup: String) throws {
            var host = try FakeHost(membership: "4:cpu,cpuacct:/x\n", mounts: Self.versionOne)
            defer { host.remove() }
            try host.makeGroup("/cpu,cpuacct/x")
            if root { try host.write("", to: "/cpu,cpuacct/x/release_agent") }
            try host.write("\(autogroup)\n", to: "/autogroup")
            host.places.autogroup = host.root + "/autogroup"
            let groups = ControlGroups(host.places, processorWeight: 50)
            let shares = try host.read("/cpu,cpuacct/x/\(host.only(in: "/cpu,cpuacct/x"))/cpu.shares")
            let isOne = root && autogroup == "1"
            #expect(shares == "\(512 * (isOne ? 1 : sysconf(Int32(_SC_NPROCESSORS_ONLN))))")
            withExtendedLifetime(groups) {}
        }

        @Test func whatCannotBeUsedIsExplained() throws {
            let host = try FakeHost(
                membership: "0::/service\n",
                mounts: "41 31 0:38 / ROOT rw - cgroup2 cgroup2 rw\n"
            )
            defer { host.remove() }
            try host.makeGroup("/service", controllers: "memory\n")
            // As the kernel has it where nothing can be handed down.
            try host.makeGroup("/service/cgroup.subtree_control")
            let memory = try #require(ControlGroups(host.places, processorWeight: 25).report.first)
            #expect(!memory.isProven && memory.mechanism.hasPrefix("nothing"))
            #expect(memory.explanation.contains("/service: ") && memory.explanation.contains("cgroup.subtree_control"))
        }

        /// The kernel's own, of version 2 alone: it counts time there whatever controllers it has.
        @Test(.enabled(if: geteuid() == 0 && Host.versionTwo != nil)) func versionTwoCountsTheTimeOfATree() async throws
        {
            let host = try FakeHost(
                membership: "0::/\n",
                mounts: "41 31 0:38 / \(try #require(Host.versionTwo)) rw - cgroup2 cgroup2 rw\n"
            )
            defer { host.remove() }
            var configuration = CommandRunner.Configuration()
            configuration.controlGroups = host.places
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let time = try #require(fixture.runner.limitMechanisms.first { $0.limit == "CPU time" })
                #expect(time.isProven && time.mechanism == "control groups of version 2")
                var command = fixture.command("spin() { while :; do bash -c :; done; }; spin & spin")
                command.limits.cpuTime = .milliseconds(200)
                #expect(try await fixture.run(command).terminationCause == .processorTime(.milliseconds(200)))
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: try #require(Host.versionTwo))
            #expect(!left.contains { $0.hasPrefix("agent-broker-\(getpid())-") })
        }

        /// What joins a group makes the whole host wait; the kernel's own version 2 can do without.
        @Test(.enabled(if: geteuid() == 0 && Host.makesMembers)) func aSandboxIsMadeInItsGroup() async throws {
            let root = try #require(Host.versionTwo)
            let host = try FakeHost(membership: "0::/\n", mounts: "41 31 0:38 / \(root) rw - cgroup2 cgroup2 rw\n")
            defer { host.remove() }
            var configuration = CommandRunner.Configuration()
            configuration.controlGroups = host.places
            let groups = SandboxHost(configuration)
            let group = try #require(
                try groups.controlGroups.makeGroup(ControlGroupLimits(), of: "org", within: ControlGroupLimits())
            )
            let entrance = try group.openEntrance()
            #expect(entrance.birthplace != nil && entrance.members.isEmpty)
            group.remove()
            try await SandboxFixture.with(configuration: configuration) { fixture in
                #expect(try await fixture.run("echo runs").output == "runs\n")
                let own = try FileManager.default.contentsOfDirectory(atPath: root).filter {
                    $0.hasPrefix("agent-broker-\(getpid())-")
                }
                let lists = own.flatMap { name in
                    (FileManager.default.subpaths(atPath: "\(root)/\(name)") ?? []).filter {
                        $0.hasSuffix("/agent/cgroup.procs")
                    }.map { "\(root)/\(name)/\($0)" }
                }
                let members = try lists.map { try String(contentsOfFile: $0, encoding: .utf8) }
                // Its sandbox, and a spare one; each with its first process and the agent.
                #expect(members.contains { $0.split(separator: "\n").count >= 2 }, "\(lists) \(members)")
            }
        }

        /// The right to make groups taken away by the kernel's own means: it is done without them, and said.
        @Test(.enabled(if: geteuid() == 0 && Host.versionTwo != nil)) func withoutTheRightToMakeGroupsCommandsRun()
            async throws
        {
            let group = try #require(Host.versionTwo) + "/sandbox-tests-\(getpid())"
            try #require(mkdir(group, 0o755) == 0)
            defer { rmdir(group) }
            try "0".write(toFile: group + "/cgroup.max.descendants", atomically: false, encoding: .utf8)
            let host = try FakeHost(membership: "0::/\n", mounts: "41 31 0:38 / \(group) rw - cgroup2 cgroup2 rw\n")
            defer { host.remove() }
            var configuration = CommandRunner.Configuration()
            configuration.controlGroups = host.places
            let report = await IsolationReport.probing(
                [.bwrap],
                as: SandboxFixture.identityOfCommands,
                configuration: configuration
            )
            #expect(report.strongest == .bwrap)
            let time = try #require(report.limits.first { $0.limit == "CPU time" })
            #expect(!time.isProven && time.explanation.contains("raise cgroup.max.descendants"))
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run("echo runs")
                #expect(finished.output == "runs\n")
            }
        }
    }
}

extension Host {
    /// Where version 2 is mounted.
    static var versionTwo: String? {
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        let mount = mounts.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
        return mount.map { String($0.split(separator: " ")[4]) }
    }

    /// Processes can be made in groups of version 2: not before Linux 5.7, and not where a container forbids clone3(2).
    static var makesMembers: Bool {
        guard let root = versionTwo else { return false }
        let group = root + "/sandbox-tests-\(getpid())-members"
        guard mkdir(group, 0o755) == 0 else { return false }
        defer { rmdir(group) }
        let directory = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(directory) }
        return linux_try_making_member(directory) == 0
    }

    static var hasControlGroups: Bool {
        geteuid() == 0 && access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0
    }

    /// Groups that this process made, all in all, in one hierarchy.
    static func controlGroupsBeneath(_ own: String) -> Int {
        func count(_ path: String) -> Int {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return names.reduce(1) { sum, name in
                var isDirectory: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isDirectory)
                return sum + (isDirectory.boolValue ? count("\(path)/\(name)") : 0)
            }
        }
        return controlGroups.reduce(0) { $0 + count("\(own)/\($1)") }
    }
}
