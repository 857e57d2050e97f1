import AgentBackend
import BrokerClient
import BrokerServer
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// What a changed configuration does to a broker that runs.
    @Suite
    struct ReloadTests {
        private static let key = BrokerTarget(key: "k")
        private static let memory = BrokerTarget(backend: .memory, key: "k")

        private var f: WorkspacePath { get throws { try WorkspacePath("f") } }

        @Test(.timeLimit(.minutes(1)))
        func limitsHoldForTheNextCall() async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                let token = try #require(file["acme"]).token
                try await withBrokerProcess(by: file) { broker in
                    try await broker.withConnections(token, file.operatorToken) { connections in
                        let (client, ops) = (connections[0], connections[1])
                        let bytes = ByteBuffer(repeating: 1, count: 2000)
                        try await client.withLease(on: Self.key) { lease in
                            for target in [Self.key, Self.memory, lease] {
                                try await client.write(f, bytes, on: target)
                            }
                            file["acme"]?.lines = ["limits: {max_file_bytes: 1000}"]
                            try file.save()
                            #expect(try await ops.reload().changes == ["orgs[acme].limits.max_file_bytes changed"])
                            for target in [Self.key, Self.memory, lease] {
                                let error = await failure { try await client.write(f, bytes, on: target) }
                                #expect(error?.reason == .tooLarge && error?.limit?.allowed == 1000)
                                let length = try await client.read(f, on: target).readableBytes
                                #expect(length == 2000)
                            }
                            file["acme"]?.lines = ["limits: {max_memory_bytes: 0}"]
                            try file.save()
                            _ = try await ops.reload()
                            for target in [Self.key, lease] { try await client.write(f, bytes, on: target) }
                            let full = await failure {
                                try await client.write(WorkspacePath("g"), bytes, on: Self.memory)
                            }
                            #expect(full?.code == .resourceExhausted && full?.limit?.name == "memory_bytes")
                        }
                        file.lines = ["exec: {default_timeout: 200ms, max_timeout: 300ms, grace: 0s}"]
                        try file.save()
                        _ = try await ops.reload()
                        let slow = ExecRequest(.shellLine(Array("sleep 100".utf8)))
                        let end = try await client.run(slow, on: Self.key).end
                        #expect(end.outcome == .timedOut(after: .milliseconds(200)))
                        file.lines = ["exec: {max_running: 1}", "limits: {queue_timeout: 100ms}"]
                        try file.save()
                        _ = try await ops.reload()
                        let waiting = ExecRequest(.shellLine(Array("echo here; cat".utf8)), opensStandardInput: true)
                        try await client.withExec(waiting, on: Self.key) { session in
                            while let event = try await session.next() { if case .standardOutput = event { break } }
                            let second = await failure { _ = try await client.run(slow, on: Self.key) }
                            #expect(second?.code == .resourceExhausted && second?.limit?.allowed == 1)
                        }
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func limitsOfConnectionsHoldForTheNextOne() async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                let token = try #require(file["acme"]).token
                try await withBrokerProcess(by: file) { broker in
                    try await broker.withConnections(token, file.operatorToken) { connections in
                        let (client, ops) = (connections[0], connections[1])
                        file["acme"]?.lines = ["limits: {max_connections: 1}"]
                        try file.save()
                        _ = try await ops.reload()
                        let second = await failure { try await broker.withConnections(token) { _ in } }
                        #expect(second?.code == .resourceExhausted && second?.limit?.name == "org_connections")
                        // The one that is there goes on.
                        try await client.write(f, ByteBuffer(string: "x"), on: Self.key)
                        file["acme"]?.lines = []
                        try file.save()
                        _ = try await ops.reload()
                        try await broker.withConnections(token) { others in
                            _ = try await others[0].read(f, on: Self.key)
                        }
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func whatATokenAllowsHoldsForTheNextCall() async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                let token = try #require(file["acme"]).token
                try await withBrokerProcess(by: file) { broker in
                    try await broker.withConnections(token, file.operatorToken) { connections in
                        let (client, ops) = (connections[0], connections[1])
                        try await client.write(f, ByteBuffer(string: "x"), on: Self.key)
                        try await client.withLease(on: Self.key) { lease in
                            file["acme"]?.tokens[0].lines = ["read_only: true"]
                            try file.save()
                            _ = try await ops.reload()
                            for target in [Self.key, lease] {
                                let error = await failure { try await client.write(f, ByteBuffer(), on: target) }
                                #expect(error?.code == .permissionDenied)
                                _ = try await client.read(f, on: target)
                            }
                            file["acme"]?.tokens[0].lines = ["keys: [other]"]
                            try file.save()
                            _ = try await ops.reload()
                            #expect(await failure { _ = try await client.read(f, on: lease) }?.code == .notFound)
                            let denied = await failure { _ = try await client.read(f, on: Self.key) }
                            #expect(denied?.code == .permissionDenied)
                        }
                        file["acme"]?.tokens[0].lines = []
                        file["acme"]?.lines = ["env: {COLOR: blue}"]
                        try file.save()
                        _ = try await ops.reload()
                        let echo = ExecRequest(.shellLine(Array("echo -n $COLOR; cat f".utf8)))
                        #expect(String(buffer: try await client.run(echo, on: Self.key).standardOutput) == "bluex")
                        #expect(try await client.stats().pool.replacements == 1)
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aRemovedTokenEndsItsConnectionsAndNoOthers() async throws {
            try await withScratchDirectory { directory in
                let acme = try TenantConfiguration.Tenant("acme", tokens: ["old", "new"])
                var file = try TenantConfiguration(in: directory, acme, .init("umbrella"))
                let tokens = acme.tokens.map(\.issued.token) + [try #require(file["umbrella"]).token]
                try await withBrokerProcess(by: file) { broker in
                    let word = "marked-\(UUID().uuidString)"
                    try await broker.withConnections(tokens[0], tokens[1], tokens[2], file.operatorToken) {
                        connections in
                        let staying = ExecRequest(.shellLine(Array(HostProcesses.staying(word).utf8)))
                        let waiting = ExecRequest(
                            .shellLine(Array("echo here; cat".utf8)),
                            opensStandardInput: true
                        )
                        let ended = try connections[0].exec(staying, on: Self.key)
                        let going = try [1, 2].map { try connections[$0].exec(waiting, on: Self.key) }
                        for session in going + [ended] {
                            while let event = try await session.next() { if case .standardOutput = event { break } }
                        }
                        file["acme"]?.tokens.removeFirst()
                        try file.save()
                        let reload = try await connections[3].reload()
                        #expect(reload.connectionsEnded == 1)
                        #expect(reload.changes == ["orgs[acme].tokens[\(acme.tokens[0].issued.id)] removed"])

                        let end = await failure { while try await ended.next() != nil {} }
                        #expect((end?.cause as? BackendError ?? end)?.code == .authFailed, "\(String(describing: end))")
                        await HostProcesses.untilGone(word)
                        let again = await failure { try await broker.withConnections(tokens[0]) { _ in } }
                        #expect(again?.code == .authFailed)
                        for session in going {
                            session.closeInput()
                            #expect(try await session.collect().end.outcome == .exited(code: 0))
                        }
                        for connection in connections[1...2] {
                            try await connection.write(f, ByteBuffer(string: "x"), on: Self.key)
                        }
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func orgsComeAndGo() async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                let umbrella = try TenantConfiguration.Tenant("umbrella")
                try await withBrokerProcess(by: file) { broker in
                    try await broker.withConnections(file.operatorToken) { connections in
                        let ops = connections[0]
                        let before = await failure { try await broker.withConnections(umbrella.token) { _ in } }
                        #expect(before?.code == .authFailed)
                        file["umbrella"] = umbrella
                        try file.save()
                        #expect(try await ops.reload().changes == ["orgs[umbrella] added"])
                        try await broker.withConnections(umbrella.token) { connections in
                            for target in [Self.key, Self.memory] {
                                try await connections[0].write(f, ByteBuffer(string: "x"), on: target)
                            }
                            file["umbrella"] = nil
                            try file.save()
                            let reload = try await ops.reload()
                            #expect(reload.changes == ["orgs[umbrella] removed"] && reload.connectionsEnded == 1)
                            let end = await failure { while true { _ = try await connections[0].stats() } }
                            #expect(end?.code == .connectionClosed || end?.code == .authFailed)
                        }
                        let unknown = await failure { _ = try await ops.stats(of: "umbrella") }
                        #expect(unknown?.code == .notFound)
                        while try await ops.stats().pool.idle > 0 { await Task.yield() }
                        file["umbrella"] = umbrella
                        try file.save()
                        _ = try await ops.reload()
                        try await broker.withConnections(umbrella.token) { connections in
                            let kept = try await connections[0].read(f, on: Self.key)
                            #expect(kept == ByteBuffer(string: "x"))
                            let gone = await failure { _ = try await connections[0].read(f, on: Self.memory) }
                            #expect(gone?.code == .keyNotFound)
                        }
                    }
                }
            }
        }

        @Test(
            .timeLimit(.minutes(1)),
            arguments: [
                ["unix_socket: /tmp/another"], ["node: another"], ["limits:", "  max_frame_bytes: 5MiB"],
                ["exec:", "  isolation: bwrap"],
            ]
        )
        func whatCountsAtTheStartAloneIsRefusedWithItsLine(lines: [String]) async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                try await withBrokerProcess(by: file) { broker in
                    file["acme"]?.lines = ["limits: {max_file_bytes: 1}"]
                    file.lines = lines
                    try file.save()
                    let result = try await broker.client("reload", token: file.operatorToken)
                    #expect(result.status == 78)
                    #expect(result.errorText.contains("\(file.path):\(lines.count):"), "\(result)")
                    #expect(result.errorText.contains("restart"))
                    file.lines = []
                    try file.save(mistake: "orgs: []")
                    let twice = try await broker.client("reload", "--json", token: file.operatorToken)
                    #expect(twice.status == 78 && twice.errorText.contains("more than once"))
                    file["acme"]?.lines = []
                    try file.save()
                    let plain = try await broker.client("reload", token: file.operatorToken)
                    #expect(plain.status == 0 && plain.text == "nothing has changed\n")
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aSignalReloadsAndTheLogTellsWhatBecameOfIt() async throws {
            try await withScratchDirectory { directory in
                var file = try TenantConfiguration(in: directory, .init("acme"))
                let umbrella = try TenantConfiguration.Tenant("umbrella")
                try await withBrokerProcess(by: file) { broker in
                    try file.save(mistake: "limits: {max_connections: many}")
                    broker.process.send(SIGHUP)
                    let place = "broker.yaml:\(file.mistakenLine):"
                    while !broker.process.errorsSoFar.contains(place) { await Task.yield() }
                    file["umbrella"] = umbrella
                    try file.save()
                    broker.process.send(SIGHUP)
                    while await failure({ try await broker.withConnections(umbrella.token) { _ in } }) != nil {}
                    while !broker.process.errorsSoFar.contains("orgs[umbrella] added") { await Task.yield() }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func nobodyButAnOperatorMay() async throws {
            try await withScratchDirectory { directory in
                try await withBrokerProcess(["--root", "\(directory)/root"]) { broker in
                    let result = try await broker.client("reload")
                    #expect(result.status == 77 && result.errorText.contains("PERMISSION_DENIED"))
                }
            }
        }
    }
}
