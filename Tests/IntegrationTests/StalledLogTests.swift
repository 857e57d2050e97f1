import AgentBackend
import BrokerClient
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// Whoever started the broker reads nothing of what it writes.
    @Suite
    struct StalledLogTests {
        /// What strangers do fills the pipe of its log.
        @Test(.timeLimit(.minutes(1)))
        func aLogThatNobodyReadsHoldsUpNobody() async throws {
            try await withScratchDirectory { directory in
                let lines = ["log: {max_connection_lines_per_second: 1000}"]
                let file = try TenantConfiguration(in: directory, .init("acme"), lines: lines)
                let errors = Pipe()
                let broker = try await BrokerProcess(
                    ["--root", "\(directory)/root", "--config", file.path],
                    errorPipe: errors
                )
                do {
                    let port = try #require(broker.ready.wire.split(separator: ":").last.flatMap { Int($0) })
                    let junk = ByteBuffer(repeating: 0xff, count: 100)
                    for _ in 0..<1000 { try PlainSocket(port: port).send(junk.readableBytesView) }
                    try await broker.withConnections(try #require(file["acme"]).token) { connections in
                        let path = try WorkspacePath("f")
                        try await connections[0].write(path, junk, on: BrokerTarget(key: "k"))
                        #expect(try await connections[0].read(path, on: BrokerTarget(key: "k")) == junk)
                    }
                } catch {
                    _ = try? await broker.stop(SIGKILL)
                    throw error
                }
                #expect(try await broker.stop().status == 0)
                try errors.fileHandleForWriting.close()
            }
        }

        /// It cannot even say that it is ready.
        @Test(.timeLimit(.minutes(1)))
        func aSecondSignalEndsItWhereTheFirstCannot() async throws {
            try await withScratchDirectory { directory in
                let output = Pipe()
                output.fill()
                let socket = "\(directory)/socket"
                let broker = try ChildProcess(
                    try BuiltProducts.program("agent-broker"),
                    ["serve", "--listen", "127.0.0.1:0", "--root", "\(directory)/root", "--unix", socket],
                    outputPipe: output
                )
                while !FileManager.default.fileExists(atPath: socket) { await Task.yield() }
                broker.send(SIGTERM)
                broker.send(SIGINT)
                #expect(try await broker.exit().status == 1)
                try output.fileHandleForReading.close()
            }
        }
    }
}

extension Pipe {
    /// Nothing more can be written into it without waiting.
    fileprivate func fill() {
        let descriptor = fileHandleForWriting.fileDescriptor
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        var byte: UInt8 = 0
        while write(descriptor, &byte, 1) == 1 {}
        _ = fcntl(descriptor, F_SETFL, flags)
    }
}
