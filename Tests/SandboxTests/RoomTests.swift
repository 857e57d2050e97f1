import AgentBackend
import Foundation
import Testing

@testable import Sandbox

extension SandboxTests {
    /// That what agents use works in a sandbox, as an ordinary user.
    @Suite struct RoomTests {
        /// A tool of the host, with a line and what it has to write.
        struct Tool: Sendable, CustomTestStringConvertible {
            let program: String
            let line: String
            let output: String

            var testDescription: String { "\(program): \(line)" }

            static func isInstalled(_ program: String) -> Bool {
                FileManager.default.isExecutableFile(atPath: "/usr/bin/" + program)
            }

            static let all = [
                Tool(
                    program: "whoami",
                    line: "whoami; id -un; id -gn; echo ~",
                    output: "agent\nagent\nagent\n/workspace\n"
                ),
                Tool(
                    program: "git",
                    line: """
                        git init -q . && git config user.email a@b && git config user.name A && echo x > f && git add f \
                        && git commit -qm first && git --no-pager log --format=%s && git status --short && git gc -q
                        """,
                    output: "first\n"
                ),
                Tool(
                    program: "python3",
                    line: """
                        /usr/bin/python3 -c 'import ssl, json, tempfile, multiprocessing, getpass, sqlite3, hashlib
                        multiprocessing.Lock(); tempfile.TemporaryFile().write(b"x")
                        print(getpass.getuser(), len(ssl.create_default_context().get_ca_certs()) > 0, "\u{e9}")'
                        """,
                    output: "agent True \u{e9}\n"
                ),
                Tool(program: "perl", line: #"perl -MPOSIX -e 'print((getpwuid($>))[0], "\n")'"#, output: "agent\n"),
                Tool(program: "awk", line: "echo 1 2 | awk '{print $1 + $2}'", output: "3\n"),
                Tool(program: "make", line: "printf 'all:\\n\\t@echo made\\n' > Makefile; make", output: "made\n"),
                Tool(
                    program: "gcc",
                    line: """
                        printf '#include <stdio.h>\\nint main(void){puts("compiled");}' > a.c && gcc -O2 -o a a.c && ./a
                        """,
                    output: "compiled\n"
                ),
                Tool(
                    program: "node",
                    line: "node -e 'console.log(require(\"os\").userInfo().username)'",
                    output: "agent\n"
                ),
                Tool(program: "ssh", line: "ssh -V 2>&1 | grep -c OpenSSH", output: "1\n"),
                Tool(program: "less", line: "seq 3 | less -FX", output: "1\n2\n3\n"),
                Tool(
                    program: "getent",
                    line: "getent hosts localhost | wc -l; getent services http/tcp | wc -l",
                    output: "1\n1\n"
                ),
                Tool(program: "locale", line: "locale charmap; date +%Z | wc -w", output: "UTF-8\n1\n"),
                Tool(program: "hostname", line: "uname -n", output: "sandbox\n"),
                Tool(
                    program: "bash",
                    line: "cat <(echo sub) /dev/fd/3 3< <(echo three); ls -d /dev/shm",
                    output: "sub\nthree\n/dev/shm\n"
                ),
                Tool(
                    program: "openssl",
                    line: "ls /etc/ssl/certs/ca-certificates.crt",
                    output: "/etc/ssl/certs/ca-certificates.crt\n"
                ),
            ].filter { isInstalled($0.program) }
        }

        @Test(arguments: Tool.all) func works(tool: Tool) async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run(tool.line)
                #expect(finished.output == tool.output, "\(finished.error)")
                #expect(finished.error == "")
            }
        }

        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/pip")))
        func pipInstallsAWheel() async throws {
            try await SandboxFixture.with { fixture in
                let program = """
                    import zipfile
                    with zipfile.ZipFile("demo-1.0-py3-none-any.whl", "w") as wheel:
                        wheel.writestr("demo.py", "print('from the wheel')")
                        wheel.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n")
                        wheel.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                        wheel.writestr("demo-1.0.dist-info/RECORD", "")
                    """
                try fixture.write(program, to: "make.py")
                let line = """
                    /usr/bin/python3 make.py && /usr/bin/python3 -m pip install -q --no-index --target lib \
                    ./demo-1.0-py3-none-any.whl && PYTHONPATH=lib /usr/bin/python3 -m demo
                    """
                let finished = try await fixture.run(line)
                #expect(finished.output == "from the wheel\n", "\(finished.error)")
            }
        }

        @Test func itsEtcTellsNothingOfTheHost() async throws {
            try await SandboxFixture.with { fixture in
                let finished = try await fixture.run("cat /etc/passwd /etc/group /etc/hosts /etc/resolv.conf; ls /etc")
                #expect(!finished.output.contains(ProcessInfo.processInfo.hostName))
                #expect(!finished.output.contains("shadow") && !finished.output.contains("machine-id"))
                #expect(finished.output.contains("agent:x:\(SandboxFixture.uid):\(SandboxFixture.gid):"))
            }
        }

        @Test func pathsOfTheHostAreAddedReadOnly() async throws {
            var configuration = CommandRunner.Configuration()
            configuration.readOnlyPaths = ["/etc/shells", "/no/such/path"]
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run("wc -l < /etc/shells; echo x >> /etc/shells")
                #expect(Int(finished.output.dropLast()).map { $0 > 1 } == true)
                #expect(finished.exitCode != 0)
            }
        }
    }
}
