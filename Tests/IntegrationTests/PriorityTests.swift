import Foundation
import Glibc
import Testing

/// Brokers get the level of this process, and keep another than the ordinary one.
private let mayRaise = geteuid() == 0 && getpriority(Int32(PRIO_PROCESS.rawValue), id_t(getpid())) == 0

extension IntegrationTests {
    /// Who comes first where commands want all processors.
    @Suite(.timeLimit(.minutes(2)), .enabled(if: mayRaise))
    struct PriorityTests {
        /// The nice(2) levels of a process's threads, by name.
        private static func levels(of process: Int32) throws -> [(name: String, level: Int)] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").compactMap { thread in
                guard let text = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/stat", encoding: .utf8),
                    let begin = text.firstIndex(of: "("), let end = text.lastIndex(of: ")")
                else { return nil }
                // The 19th field of proc_pid_stat(5); the third comes after the name.
                let fields = text[text.index(after: end)...].split(separator: " ")
                return (String(text[text.index(after: begin)..<end]), try #require(Int(fields[16])))
            }
        }

        @Test(arguments: [(nil, -10), (0, 0), (3, -3)] as [(Int?, Int)])
        func eventLoopsAreAheadOfCommandsAndNothingElseIs(configured: Int?, level: Int) async throws {
            try await withScratchDirectory { directory in
                let preamble = configured.map { "limits:\n  event_loop_priority: \($0)\n" } ?? ""
                let file = try await OrgFile(orgs: ["acme"], in: directory, preamble: preamble)
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--config", file.path])
                let command = try await broker.client("exec", "--key", "a", "--", "nice", token: file.tokens["acme"])
                #expect(command.text == "0\n", "\(command)")
                let levels = try Self.levels(of: broker.ready.pid)
                let loops = levels.filter { $0.name.hasPrefix("NIO-ELT") }
                #expect(!loops.isEmpty && loops.allSatisfy { $0.level == level }, "\(levels)")
                // Dispatch has levels of its own.
                let others = levels.filter { !$0.name.hasPrefix("NIO-ELT") }
                #expect(level == 0 || others.allSatisfy { $0.level != level }, "\(levels)")
                #expect(try await broker.stop().status == 0)
            }
        }
    }
}
