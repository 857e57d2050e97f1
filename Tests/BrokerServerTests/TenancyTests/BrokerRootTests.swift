import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

@Suite struct BrokerRootTests {
    @Test(arguments: [(false, 0o700 as mode_t), (true, 0o711)])
    func makesTheLayout(isPrivileged: Bool, passable: mode_t) async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("a/b/root"), isPrivileged: isPrivileged)
            #expect(root.path == scratch.path("a/b/root"))
            #expect(scratch.mode("a") == (isPrivileged ? 0o755 : 0o700))
            #expect(scratch.mode("a/b/root") == passable)
            #expect(scratch.mode("a/b/root/v1") == passable)
            #expect(scratch.mode("a/b/root/v1/orgs") == passable)
            #expect(scratch.mode("a/b/root/state") == 0o700)
            #expect(scratch.mode("a/b/root/lock") == 0o600)
            #expect(try scratch.read("a/b/root/v1/format") == "agent-broker format 1\n")
        }
    }

    @Test func opensItAgain() async throws {
        try await withScratchDirectory { scratch in
            try await BrokerRoot.open(scratch.path("root"), isPrivileged: false).close()
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            #expect(try scratch.entries("root") == ["lock", "state", "v1"])
            root.close()
        }
    }

    @Test func resolvesLinksOnTheWay() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("real")
            try #require(symlink(scratch.path("real"), scratch.path("link")) == 0)
            let root = try await BrokerRoot.open(scratch.path("link/root"), isPrivileged: false)
            #expect(root.path == scratch.path("real/root"))
        }
    }

    @Test func keepsWhatTheOperatorAllows() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("root", mode: 0o755)
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: true)
            #expect(scratch.mode("root") == 0o755)
            root.close()
            try scratch.makeDirectory("closed", mode: 0o700)
            let opened = try await BrokerRoot.open(scratch.path("closed"), isPrivileged: true)
            #expect(scratch.mode("closed") == 0o711)
            opened.close()
        }
    }

    @Test(arguments: [
        ("agent-broker format 2\n", "has format 2, this broker knows 1"),
        ("agent-broker format 0\n", "has format 0"),
        ("agent-broker format 1", "does not say a format version"),
        ("", "does not say a format version"),
        ("something else\n", "does not say a format version"),
    ])
    func refusesAnotherFormat(text: String, part: String) async throws {
        try await withScratchDirectory { scratch in
            try await BrokerRoot.open(scratch.path("root"), isPrivileged: false).close()
            try scratch.write(text, to: "root/v1/format")
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains(part) == true)
            #expect(try scratch.read("root/v1/format") == text)
        }
    }

    @Test func refusesARootThatOthersMayWriteTo() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("root", mode: 0o777)
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("chmod go-w") == true)
        }
    }

    @Test(.enabled(if: isRoot)) func refusesARootOfSomebodyElse() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("root")
            try #require(chown(scratch.path("root"), 12345, 12345) == 0)
            let error = await #expect(throws: BackendError.self) { try await BrokerRoot.open(scratch.path("root")) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("belongs to uid 12345") == true)
        }
    }

    @Test func refusesAnAncestorThatOrgsCannotPass() async throws {
        try await withScratchDirectory { scratch in
            try scratch.makeDirectory("private", mode: 0o700)
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(scratch.path("private/below/root"), isPrivileged: true)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.hasPrefix("\(scratch.path("private")) is closed to other users (mode 700)") == true)
            #expect(error?.message.contains("chmod o+x \(scratch.path("private"))") == true)

            // Nobody has to pass it where everything runs as the broker.
            let root = try await BrokerRoot.open(scratch.path("private/below/root"), isPrivileged: false)
            root.close()
        }
    }

    @Test(arguments: ["root", "root/v1", "root/v1/orgs", "root/state"])
    func refusesWhatIsNoDirectory(name: String) async throws {
        try await withScratchDirectory { scratch in
            var parent = ""
            for component in name.split(separator: "/").dropLast() {
                parent += "\(component)/"
                try scratch.makeDirectory(parent)
            }
            try scratch.makeDirectory("elsewhere")
            try #require(symlink(scratch.path("elsewhere"), scratch.path(name)) == 0)
            if name == "root" {
                // The root itself is the operator's to link.
                try await BrokerRoot.open(scratch.path("root"), isPrivileged: false).close()
                #expect(try scratch.entries("elsewhere") == ["lock", "state", "v1"])
                return
            }
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains(scratch.path(name)) == true)
            #expect(try scratch.entries("elsewhere").isEmpty)
        }
    }

    @Test func refusesARelativePath() async {
        let error = await #expect(throws: BackendError.self) { try await BrokerRoot.open("var/broker") }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func saysWhyARootCannotBeMade() async throws {
        try await withScratchDirectory { scratch in
            try scratch.write("", to: "file")
            let error = await #expect(throws: BackendError.self) {
                try await BrokerRoot.open(scratch.path("file/root"), isPrivileged: false)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.reason == .notDirectory)
            #expect(error?.message.contains("\(scratch.path("file/root")): Not a directory; choose another") == true)
        }
    }
}
