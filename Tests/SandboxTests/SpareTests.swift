import AgentBackend
import Foundation
import Testing

@testable import Sandbox

extension SandboxTests {
    @Suite(.enabled(if: geteuid() == 0)) struct SpareTests {
        /// Another workspace of the same runner.
        private static func withOther(
            _ fixture: SandboxFixture,
            as identity: HostIdentity?,
            _ body: (WarmSandbox, (String) -> Command) async throws -> Void
        ) async throws {
            let path = fixture.workspacePath + "-other"
            try SandboxFixture.makeDirectory(path)
            let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            defer { close(directory) }
            let sandbox = WarmSandbox(fixture.runner, identity: identity)
            try await body(sandbox) { line in
                var command = fixture.command(line)
                (command.workspace, command.scope) = (directory, directory)
                return command
            }
            await sandbox.destroy()
        }

        /// Waits until there are so many sandboxes, ready to be used.
        private static func awaitSandboxes(_ count: Int) async {
            while Host.children.count != count { await Task.yield() }
        }

        @Test func theNextWorkspaceGetsOneThatIsThere() async throws {
            try await SandboxFixture.with { fixture in
                try fixture.write("first", to: "file")
                #expect(try await fixture.run("cat file").output == "first")
                await Self.awaitSandboxes(2)
                let before = Set(Host.children)
                try await Self.withOther(fixture, as: fixture.identity) { sandbox, command in
                    let line = "ls -A; echo own > file; cat file; cat /proc/self/mountinfo"
                    let output = try await Finished(sandbox.start(command(line))).output
                    #expect(output.hasPrefix("own\n"))
                    let mount = output.split(separator: "\n").filter { $0.contains(" /workspace ") }
                    #expect(mount.count == 1 && mount[0].contains("nosuid,nodev"), "\(mount)")
                    // It took the spare one, in whose place another comes.
                    await Self.awaitSandboxes(3)
                    #expect(before.isSubset(of: Host.children))
                    #expect(try await fixture.run("cat file").output == "first")
                }
                await Self.awaitSandboxes(2)
            }
            #expect(Host.children.isEmpty)
        }

        @Test func anotherIdentityGetsNoneOfThem() async throws {
            try await SandboxFixture.with { fixture in
                #expect(try await fixture.run("id -u").output == "\(SandboxFixture.uid)\n")
                await Self.awaitSandboxes(2)
                let other = HostIdentity(uid: SandboxFixture.uid + 1, gid: SandboxFixture.gid + 1)
                try await Self.withOther(fixture, as: other) { sandbox, command in
                    chown(fixture.workspacePath + "-other", other.uid, other.gid)
                    let finished = try await Finished(sandbox.start(command("id -u; touch made && stat -c %u made")))
                    #expect(finished.output == "\(other.uid)\n\(other.uid)\n")
                    // One in use and one spare for each of them.
                    await Self.awaitSandboxes(4)
                }
                await Self.awaitSandboxes(2)
            }
        }

        /// The last sandbox of a kind takes its spare one along.
        @Test func noneIsKeptForNobody() async throws {
            try await SandboxFixture.with { fixture in
                _ = try await fixture.run("true")
                await Self.awaitSandboxes(2)
                await fixture.sandbox.destroy()
                await Self.awaitSandboxes(0)
            }
        }

        @Test func oneThatWasKilledIsNotUsed() async throws {
            try await SandboxFixture.with { fixture in
                _ = try await fixture.run("true")
                let first = Set(Host.children)
                await Self.awaitSandboxes(2)
                for child in Set(Host.children).subtracting(first) { kill(try #require(pid_t(child)), SIGKILL) }
                try await Self.withOther(fixture, as: fixture.identity) { sandbox, command in
                    let finished = try await Finished(sandbox.start(command("echo end")))
                    #expect(finished.output == "end\n")
                }
            }
        }

        @Test func thereAreNoneWhereNoneAreWanted() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.maximumSpareSandboxes = 0
            try await SandboxFixture.with(configuration: configuration) { fixture in
                _ = try await fixture.run("true")
                try await Self.withOther(fixture, as: fixture.identity) { sandbox, command in
                    let finished = try await Finished(sandbox.start(command("echo end")))
                    #expect(finished.output == "end\n")
                    #expect(Host.children.count == 2)
                }
            }
        }
    }

    /// The rules alone.
    @Suite struct SpareRuleTests {
        private final class Made: Sendable {}

        /// A table of them, so that what its calls return can be compared.
        private final class Table {
            private var spares: SpareSandboxes<Made>

            init(maximum: Int) {
                spares = SpareSandboxes(maximum: maximum)
            }

            func use(_ sandbox: Made, of tenant: String) -> Bool { spares.use(sandbox, SpareRuleTests.kind(tenant)) }
            func made(_ sandbox: Made?, of tenant: String) -> Made? {
                spares.made(sandbox, SpareRuleTests.kind(tenant))
            }
            func ended(_ sandbox: Made) -> Made? { spares.ended(sandbox) }

            func take(of tenant: String) -> String {
                switch spares.take(SpareRuleTests.kind(tenant)) {
                case .none: "none"
                case .wait: "wait"
                case .spare: "spare"
                }
            }
        }

        private static func kind(_ tenant: String) -> SpareSandboxes<Made>.Kind {
            let purpose = SandboxPurpose(identity: nil, tenant: CommandTenant(), limits: ExecLimits(), network: .none)
            return SpareSandboxes.Kind(
                tenant: tenant,
                identity: nil,
                limits: SandboxLimits(purpose, CommandRunner.Configuration(), .bwrap)
            )
        }

        @Test func oneOfEachKindThatIsInUseAndNoMoreThanTheMaximum() {
            let spares = Table(maximum: 1)
            let (first, second, third) = (Made(), Made(), Made())
            #expect(spares.use(first, of: "a"))
            #expect(!spares.use(second, of: "a"))
            #expect(!spares.use(third, of: "b"))
            #expect(spares.take(of: "a") == "wait")
            #expect(spares.take(of: "b") == "none")
            let spare = Made()
            #expect(spares.made(spare, of: "a") == nil)
            #expect(spares.take(of: "a") == "spare")
            #expect(spares.use(spare, of: "a"))
        }

        @Test func whatWasMadeForWhoIsGoneIsGivenBack() {
            let spares = Table(maximum: 8)
            let first = Made()
            #expect(spares.use(first, of: "a"))
            #expect(spares.ended(first) == nil)
            let spare = Made()
            #expect(spares.made(spare, of: "a") === spare)
            // The same where it was made before.
            #expect(spares.use(first, of: "a"))
            #expect(spares.made(spare, of: "a") == nil)
            #expect(spares.ended(first) === spare)
            #expect(spares.take(of: "a") == "none")
        }

        @Test func oneThatEndsOrFailsMakesRoomForTheNext() {
            let spares = Table(maximum: 1)
            let (first, second, spare) = (Made(), Made(), Made())
            #expect(spares.use(first, of: "a"))
            #expect(spares.made(nil, of: "a") == nil)
            #expect(spares.use(second, of: "a"))
            #expect(spares.made(spare, of: "a") == nil)
            #expect(spares.ended(spare) == nil)
            #expect(spares.take(of: "a") == "none")
        }
    }
}
