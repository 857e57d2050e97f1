import Foundation
import Testing

extension IntegrationTests {
    /// A client in another language, written from the proto files alone.
    @Suite
    struct InteropTests {
        private static let python = "/usr/bin/python3"
        private static let sources = "\(BuiltProducts.packageRoot)/Tests/interop"
        /// Kept between runs: it is made from the network, or from what stands in for it.
        private static let environment = "\(BuiltProducts.packageRoot)/.build/interop-venv"

        /// Nil: the client can be run.
        static var missing: String? {
            let needed = [python, "/usr/bin/protoc"]
            if let program = needed.first(where: { !FileManager.default.isExecutableFile(atPath: $0) }) {
                return program
            }
            let probe = try? Process.run(
                URL(fileURLWithPath: python),
                arguments: ["-c", "import venv, ensurepip"]
            )
            probe?.waitUntilExit()
            return probe?.terminationStatus == 0 ? nil : "python3-venv"
        }

        @Test(
            .enabled(if: missing == nil, "needs python3 with venv, and protoc: `make setup` installs them"),
            .timeLimit(.minutes(5))
        )
        func pythonClientAgreesWithTheBroker() async throws {
            let python = try await interpreter()
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"]) { broker in
                    let result = try await ChildProcess.run(
                        python,
                        [
                            "\(Self.sources)/interop.py", "--address", broker.ready.wire, "--token",
                            try #require(broker.ready.token),
                        ],
                        environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
                    )
                    let lines = result.text.split(separator: "\n")
                    #expect(result.status == 0, "\(result.text)\(result.errorText)")
                    #expect(lines.last?.wholeMatch(of: /[1-9][0-9]* passed, 0 failed/) != nil)
                }
            }
        }

        /// Of a virtual environment with what the client needs. One that was made for other requirements is made anew.
        private func interpreter() async throws -> String {
            let requirements = "\(Self.sources)/requirements.txt"
            let mark = "\(Self.environment)/made-for"
            // Another run of the tests may want it at the same time.
            try await ChildProcess.shell(
                """
                exec 9>'\(Self.environment).lock' && flock 9 && { cmp -s '\(requirements)' '\(mark)' || {
                    rm -rf '\(Self.environment)' && \(Self.python) -m venv '\(Self.environment)' &&
                    '\(Self.environment)/bin/pip' install -q -r '\(requirements)' && cp '\(requirements)' '\(mark)'
                }; }
                """
            )
            return "\(Self.environment)/bin/python"
        }
    }
}
