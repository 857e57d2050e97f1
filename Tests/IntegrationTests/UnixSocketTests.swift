import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// A unix socket belongs to the broker that listens on it.
    @Suite
    struct UnixSocketTests {
        private func stats(_ broker: BrokerProcess, at socket: String) async throws -> ChildProcess.Result {
            try await broker.client("stats", "--address", "unix:\(socket)")
        }

        @Test(.timeLimit(.minutes(1)))
        func aSecondBrokerDoesNotTakeIt() async throws {
            try await withScratchDirectory { directory in
                let socket = "\(directory)/socket"
                try await withBrokerProcess(["--root", "\(directory)/one", "--unix", socket]) { broker in
                    let second = try await ChildProcess.run(
                        try BuiltProducts.program("agent-broker"),
                        ["serve", "--root", "\(directory)/two", "--listen", "127.0.0.1:0", "--unix", socket]
                    )
                    #expect(second.status == 73)
                    #expect(second.errorText.contains("somebody listens on \(socket) already"), "\(second)")
                    let stats = try await stats(broker, at: socket)
                    #expect(stats.status == 0, "\(stats)")
                }
                #expect(!FileManager.default.fileExists(atPath: socket))
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func oneThatADeadBrokerLeftIsTaken() async throws {
            try await withScratchDirectory { directory in
                let socket = "\(directory)/socket"
                let dead = try await BrokerProcess(["--root", "\(directory)/one", "--unix", socket])
                _ = try await dead.stop(SIGKILL)
                #expect(FileManager.default.fileExists(atPath: socket))
                try await withBrokerProcess(["--root", "\(directory)/one", "--unix", socket]) { broker in
                    let stats = try await stats(broker, at: socket)
                    #expect(stats.status == 0, "\(stats)")
                }
            }
        }

        /// Its file was removed by hand, and another broker listens at the path.
        @Test(.timeLimit(.minutes(1)))
        func anothersStaysWhereItIs() async throws {
            try await withScratchDirectory { directory in
                let socket = "\(directory)/socket"
                let first = try await BrokerProcess(["--root", "\(directory)/one", "--unix", socket])
                try FileManager.default.removeItem(atPath: socket)
                try await withBrokerProcess(["--root", "\(directory)/two", "--unix", socket]) { broker in
                    let end = try await first.stop()
                    #expect(end.status == 0)
                    let stats = try await stats(broker, at: socket)
                    #expect(stats.status == 0, "\(stats)")
                }
            }
        }
    }
}
