import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// A broker and whoever started it.
    @Suite
    struct SupervisionTests {
        @Test(.timeLimit(.minutes(1)), arguments: ["path", "abstract"])
        func aServiceManagerHears(kind: String) async throws {
            try await withScratchDirectory { directory in
                let address = kind == "path" ? "\(directory)/notify" : "@broker-\(UUID().uuidString)"
                let manager = try NotificationSocket(address)
                let broker = try await BrokerProcess(
                    ["--root", "\(directory)/root"],
                    environment: ["NOTIFY_SOCKET": address]
                )
                #expect(await manager.next() == "READY=1\n")
                broker.process.send(SIGTERM)
                #expect(await manager.next() == "STOPPING=1\n")
                #expect(try await broker.process.exit().status == 0)
            }
        }

        /// A reload, also one that is refused, has a beginning and an end.
        @Test(.timeLimit(.minutes(1)))
        func aServiceManagerHearsOfAReload() async throws {
            try await withScratchDirectory { directory in
                let manager = try NotificationSocket("\(directory)/notify")
                let file = try TenantConfiguration(in: directory, .init("acme"))
                let broker = try await BrokerProcess(
                    ["--root", "\(directory)/root", "--config", file.path],
                    environment: ["NOTIFY_SOCKET": "\(directory)/notify"]
                )
                #expect(await manager.next() == "READY=1\n")
                for mistake in [nil, "nonsense: 1"] {
                    try file.save(mistake: mistake)
                    broker.process.send(SIGHUP)
                    let lines = await manager.next().split(separator: "\n")
                    #expect(lines.first == "RELOADING=1")
                    let time = lines.last?.split(separator: "=").last.flatMap { Int($0) }
                    #expect(lines.count == 2 && lines.last?.hasPrefix("MONOTONIC_USEC=") == true && time ?? 0 > 0)
                    #expect(await manager.next() == "READY=1\n")
                }
                #expect(try await broker.stop().status == 0)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aDescriptorTellsWhenItIsReady() async throws {
            try await withScratchDirectory { directory in
                let broker = try BuiltProducts.program("agent-broker")
                let pipe = Pipe()
                let process = try ChildProcess(
                    "/bin/sh",
                    [
                        "-c", "exec 7>&1 >/dev/null; exec \"$@\"", "sh", broker, "serve", "--root",
                        "\(directory)/root", "--listen", "127.0.0.1:0", "--ready-fd", "7",
                    ],
                    outputPipe: pipe
                )
                // To the end: it is closed once all is said.
                let line = try pipe.fileHandleForReading.readToEnd() ?? Data()
                let ready = try JSONDecoder().decode(BrokerProcess.ReadyLine.self, from: line)
                #expect(ready.ready)
                try await BrokerConnection.withConnection(
                    to: BrokerAddress(ready.wire),
                    token: try #require(ready.token)
                ) { _ = try await $0.stats() }
                process.send(SIGTERM)
                #expect(try await process.exit().status == 0)
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func whatNobodyListensOnIsRefused() async throws {
            try await withScratchDirectory { directory in
                let result = try await ChildProcess.run(
                    "/bin/sh",
                    [
                        "-c", "exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"", "sh",
                        try BuiltProducts.program("agent-broker"), "serve", "--root", "\(directory)/root",
                    ]
                )
                #expect(result.status == 78)
                #expect(result.errorText.contains("descriptor 3 is no stream socket"), "\(result)")
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func theCommandDrains() async throws {
            try await withScratchDirectory { directory in
                let orgs = try await OrgFile(
                    orgs: ["acme", "ops"],
                    in: directory,
                    additions: ["ops": "role: operator"]
                )
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--config", orgs.path])
                let acme = try await broker.client("drain", token: orgs.tokens["acme"])
                #expect(acme.status == 77)
                let ops = try await broker.client("drain", token: orgs.tokens["ops"])
                #expect(ops.status == 0)
                #expect(ops.text == "connections 1\nfinished 0\ncancelled 0\nabandoned 0\n")
                let ended = try await broker.process.exit()
                #expect(ended.status == 0)
                #expect(ended.errorText.contains("drained"))
            }
        }

        /// Calls that do not end hold nothing up.
        @Test(.timeLimit(.minutes(1)))
        func aSecondSignalEndsItAtOnce() async throws {
            try await withScratchDirectory { directory in
                let broker = try await BrokerProcess(["--root", "\(directory)/root", "--drain-timeout", "1h"])
                let word = "marked-\(UUID().uuidString)"
                let connection = try await BrokerConnection.connect(
                    to: BrokerAddress(broker.ready.wire),
                    token: try #require(broker.ready.token)
                )
                let line = Array(HostProcesses.staying(word).utf8)
                let session = try connection.exec(ExecRequest(.shellLine(line)), on: BrokerTarget(key: "a"))
                while let event = try await session.next() {
                    if case .standardOutput = event { break }
                }
                broker.process.send(SIGTERM)
                await #expect(throws: BackendError.self) { while true { _ = try await connection.stats() } }
                broker.process.send(SIGTERM)
                let result = try await broker.process.exit()
                #expect(result.status == 1)
                #expect(result.errorText.contains("a second signal ended the broker at once"), "\(result)")
                await HostProcesses.untilGone(word)
                await connection.close()
            }
        }
    }
}

/// Where a service manager hears of its services. Safe to share.
private final class NotificationSocket: Sendable {
    private let descriptor: CInt

    /// `address`: a path, or `@` and an abstract name.
    init(_ address: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0
        let name = Array(address.utf8)
        withUnsafeMutableBytes(of: &target) { bytes in
            bytes[offset...].copyBytes(from: name)
            if address.hasPrefix("@") { bytes[offset] = 0 }
        }
        let result = withUnsafePointer(to: &target) { target in
            target.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                bind(descriptor, target, socklen_t(offset + name.count))
            }
        }
        guard result == 0 else { throw ChildProcess.Failure(description: "cannot bind \(address): errno \(errno)") }
    }

    deinit { close(descriptor) }

    func next() async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [descriptor] in
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &bytes, bytes.count, 0)
                continuation.resume(returning: String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))
            }
        }
    }
}
