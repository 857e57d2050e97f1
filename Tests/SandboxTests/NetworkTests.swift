import AgentBackend
import Foundation
import Glibc
import Testing

@testable import Sandbox

extension SandboxTests {
    /// Commands with the host's network.
    @Suite struct NetworkTests {
        private static func interfaces(_ text: String) -> Set<Substring> {
            Set(
                text.split(separator: "\n").dropFirst(2).compactMap {
                    $0.split(separator: ":").first?.trimmingPrefix(" ")
                }
            )
        }

        private static func withHostNetwork(_ body: @Sendable (SandboxFixture, WarmSandbox) async throws -> Void)
            async throws
        {
            try await SandboxFixture.with { fixture in
                let sandbox = WarmSandbox(fixture.runner, identity: fixture.identity, network: .host)
                try await body(fixture, sandbox)
                await sandbox.destroy()
            }
        }

        @Test func theHostsNetworkIsSeenByWhoAskedForIt() async throws {
            let host = Self.interfaces(try String(contentsOfFile: "/proc/net/dev", encoding: .utf8))
            try #require(host.count > 1)
            try await Self.withHostNetwork { fixture, sandbox in
                let seen = try await Finished(
                    sandbox.start(fixture.command("cat /proc/net/dev; cat /etc/resolv.conf >&2"))
                )
                #expect(Self.interfaces(seen.output) == host)
                #expect(seen.error == (try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)) ?? "")
                // What the host reaches others by.
                let routes = "tail -n +2 /proc/net/route | cut -f 1"
                #expect(try await Finished(sandbox.start(fixture.command(routes))).output != "")
                #expect(try await fixture.run(routes).output == "")
            }
        }

        /// Tries to reach what listens on the host.
        private static let attempts = """
            import os, socket, sys
            def attempt(family, kind, address):
                s = socket.socket(family, kind)
                s.settimeout(float(sys.argv[2]))
                try:
                    if kind == socket.SOCK_DGRAM: s.sendto(b"x", address)
                    else: s.connect(address)
                    return "reached"
                except OSError as error: return str(error.errno)
            port = int(sys.argv[1])
            for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
                for address in "127.0.0.1", "127.1.2.3", "0.0.0.0":
                    print(attempt(socket.AF_INET, kind, (address, port)))
                print(attempt(socket.AF_INET6, kind, ("::ffff:127.0.0.1", port)))
            # The host's own address, by the loopback interface as well.
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect(("192.0.2.77", 9))
            print(attempt(socket.AF_INET, socket.SOCK_STREAM, (s.getsockname()[0], port)))
            """

        @Test(.enabled(if: geteuid() == 0 && Host.versionTwo != nil)) func itsLoopbackIsOutOfReach() async throws {
            let listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let isListening = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(listener, address, length) == 0 && listen(listener, 100) == 0
                        && getsockname(listener, address, &length) == 0
                }
            }
            try #require(isListening)
            let port = "\(UInt16(bigEndian: address.sin6_port))"
            try await Self.withHostNetwork { fixture, sandbox in
                try #require(fixture.runner.limitMechanisms.last?.isProven == true)
                let host = try Host.Outside(beside: fixture)
                defer { host.end() }
                let outside = try host.run("/usr/bin/python3 - \(port) 10 <<'END'\n\(Self.attempts)\nEND")
                #expect(outside == String(repeating: "reached\n", count: 9), "it does not work outside either")
                let line = "/usr/bin/python3 - \(port) 0.2 <<'END'\n\(Self.attempts)\nEND"
                let inside = try await Finished(sandbox.start(fixture.command(line)))
                #expect(inside.output == String(repeating: "1\n", count: 8) + "None\n", "\(inside)")
                // Nor by other names for it.
                var abstract = fixture.command(
                    "/usr/bin/python3 -c \"import os, socket; s = socket.socket(socket.AF_UNIX); "
                        + "s.connect('\\0' + os.environ['OUTSIDE']); print('reached')\""
                )
                abstract.environment = try host.environment
                #expect(try await Finished(sandbox.start(abstract)).output == "")
            }
        }

        /// Where a cloud tells a machine its secrets.
        @Test(.enabled(if: geteuid() == 0 && Host.versionTwo != nil)) func linkLocalAddressesAreOutOfReach()
            async throws
        {
            try await Self.withHostNetwork { fixture, sandbox in
                let program = """
                    import socket
                    for family, address in (2, "169.254.169.254"), (10, "fd00:ec2::254"), (10, "::ffff:169.254.169.254"):
                        s = socket.socket(family, socket.SOCK_DGRAM)
                        try: s.sendto(b"x", (address, 80)); print("sent")
                        except OSError as error: print(error.errno)
                    """
                let inside = try await Finished(sandbox.start(fixture.command(["/usr/bin/python3", "-c", program])))
                #expect(!inside.output.contains("sent"), "\(inside)")
                #expect(inside.output.hasPrefix("1\n"))
            }
        }
    }
}
