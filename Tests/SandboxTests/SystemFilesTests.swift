import Foundation
import Glibc
import Synchronization
import Testing

@testable import Sandbox

extension SandboxTests {
    /// Sandboxes that get copies of the host's files by one mount.
    @Suite(.enabled(if: geteuid() == 0)) struct SystemFilesTests {
        /// A directory for copies, and files of a host to copy.
        private func withDirectory(_ body: (String) async throws -> Void) async throws {
            let directory = "/tmp/system-files-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory + "/host", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try await body(directory)
        }

        private func write(_ text: String, to path: String, mode: Int = 0o644) throws {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }

        @Test func aSandboxSeesWhatItWouldSeeOfTheHost() async throws {
            let look =
                "cd /etc; ls -d ssl alternatives services; find ssl -type f | wc -l; cat services passwd group hosts"
            let mounted = try await output(of: look, CommandRunner.Configuration())
            #expect(mounted.contains("agent:x:\(SandboxFixture.uid):"))
            try await withDirectory { directory in
                var configuration = CommandRunner.Configuration()
                configuration.preparedFilesDirectory = "\(directory)/etc"
                #expect(try await output(of: look, configuration) == mounted)
                let mounts = try await output(of: "grep -c ' /etc' /proc/self/mountinfo", configuration)
                #expect(mounts == "1\n")
                let attempts =
                    "for p in /etc/x /etc/passwd /etc/ssl/x /run/x; do echo x >> $p && echo \"wrote $p\"; done"
                #expect(try await output(of: "(\(attempts)) 2> /dev/null; true", configuration) == "")
            }
        }

        private func output(of line: String, _ configuration: CommandRunner.Configuration) async throws -> String {
            let output = Mutex("")
            try await SandboxFixture.with(configuration: configuration) { fixture in
                let finished = try await fixture.run(line)
                #expect(finished.exitCode == 0, "\(finished)")
                output.withLock { $0 = finished.output }
            }
            return output.withLock { $0 }
        }

        @Test func whatNotEverybodyMayReadIsLeftOut() async throws {
            try await withDirectory { directory in
                let host = "\(directory)/host"
                try write("all", to: "\(host)/open")
                try write("root", to: "\(host)/closed", mode: 0o640)
                mkdir("\(host)/private", 0o700)
                try write("root", to: "\(host)/private/key")
                symlink("open", "\(host)/link")
                mkfifo("\(host)/pipe", 0o644)
                guard let place = DirectoryEntries.open(directory) else { throw CancellationError() }
                var copy = DirectoryCopy(files: 10, bytes: 100)
                let isCopied = copy.add("host", of: place.rawValue, as: "copy", in: place.rawValue)
                #expect(isCopied)
                let copied = try FileManager.default.subpathsOfDirectory(atPath: "\(directory)/copy").sorted()
                #expect(copied == ["link", "open"])
                #expect(try String(contentsOfFile: "\(directory)/copy/link", encoding: .utf8) == "all")
            }
        }

        @Test func aCopyIsBounded() async throws {
            try await withDirectory { directory in
                for number in 0..<3 { try write("0123456789", to: "\(directory)/host/\(number)") }
                guard let place = DirectoryEntries.open(directory) else { throw CancellationError() }
                var copy = DirectoryCopy(files: 3, bytes: 100)
                let tooMany = copy.add("host", of: place.rawValue, as: "files", in: place.rawValue)
                #expect(!tooMany)
                copy = DirectoryCopy(files: 4, bytes: 29)
                let tooLarge = copy.add("host", of: place.rawValue, as: "bytes", in: place.rawValue)
                #expect(!tooLarge)
                copy = DirectoryCopy(files: 4, bytes: 30)
                let fits = copy.add("host", of: place.rawValue, as: "both", in: place.rawValue)
                #expect(fits)
            }
        }

        @Test func copiesFollowTheHost() async throws {
            try await withDirectory { directory in
                let host = "\(directory)/host"
                mkdir("\(host)/certs", 0o755)
                try write("old", to: "\(host)/certs/ca")
                let time = Mutex(ContinuousClock.now)
                let files = PreparedSystemFiles(in: "\(directory)/etc", of: ["\(host)/certs"], base: host) {
                    time.withLock { $0 }
                }
                let first = try #require(files.current)
                #expect(files.current == first)
                try write("new", to: "\(host)/certs/ca")
                #expect(files.current == first, "it is looked at once in a second")
                time.withLock { $0 += .seconds(1) }
                let second = try #require(files.current)
                #expect(second != first)
                // Whoever has the first one goes on with it.
                #expect(try String(contentsOfFile: first + "/certs/ca", encoding: .utf8) == "old")
                #expect(try String(contentsOfFile: second + "/certs/ca", encoding: .utf8) == "new")

                // What is taken back is not seen any more, though nothing else has changed.
                chmod("\(host)/certs/ca", 0o600)
                time.withLock { $0 += .seconds(1) }
                let third = try #require(files.current)
                #expect(!FileManager.default.fileExists(atPath: third + "/certs/ca"))
                // A copy that somebody has removed is made again.
                try FileManager.default.removeItem(atPath: third)
                #expect(try #require(files.current) != third)
            }
        }

        /// Whatever else lies where they are made is left alone, also where a link leads.
        @Test func nothingButOldCopiesIsRemoved() async throws {
            try await withDirectory { directory in
                let (host, etc) = ("\(directory)/host", "\(directory)/etc")
                try write("a", to: "\(host)/a")
                mkdir(etc, 0o755)
                mkdir("\(etc)/1", 0o755)
                symlink(host, "\(etc)/1/link")
                try write("kept", to: "\(etc)/hosts")
                symlink(host, "\(etc)/7")
                let files = PreparedSystemFiles(in: etc, of: ["\(host)/a"], base: host)
                #expect(files.current == "\(etc)/1")
                #expect(try String(contentsOfFile: "\(etc)/hosts", encoding: .utf8) == "kept")
                #expect(try String(contentsOfFile: "\(host)/a", encoding: .utf8) == "a")

                // Nor is anything made where a link stands.
                symlink(host, "\(directory)/linked")
                #expect(PreparedSystemFiles(in: "\(directory)/linked", of: ["\(host)/a"], base: host).current == nil)
                #expect(try FileManager.default.contentsOfDirectory(atPath: host) == ["a"])
            }
        }
    }
}
