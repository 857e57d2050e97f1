import Foundation
import Glibc

/// Holds the socket that brokers listen on, one after the other: who connects while there is none waits.
final class Supervisor {
    let port: UInt16
    private let socket: FileHandle
    private let arguments: [String]
    private(set) var broker: BrokerProcess

    /// Starts the first broker.
    init(_ arguments: [String]) async throws {
        let (socket, port) = try Self.listen()
        self.socket = socket
        self.port = port
        self.arguments = arguments
        broker = try await BrokerProcess(arguments, listeningOn: socket)
    }

    /// Has the broker end, by SIGTERM unless `end` does, and starts the next. Throws where it does not end well.
    func restart(_ end: (BrokerProcess) async throws -> Void = { $0.process.send(SIGTERM) }) async throws {
        try await end(broker)
        let result = try await broker.process.exit()
        guard result.status == 0 else { throw ChildProcess.Failure(description: "the broker: \(result)") }
        broker = try await BrokerProcess(arguments, listeningOn: socket)
    }

    func stop() async throws {
        try await end()
        try socket.close()
    }

    private func end() async throws {
        let result = try await broker.stop()
        guard result.status == 0 else { throw ChildProcess.Failure(description: "the broker: \(result)") }
    }

    private static func listen() throws -> (FileHandle, port: UInt16) {
        let descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && Glibc.listen(descriptor, 1024) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isListening else { throw ChildProcess.Failure(description: "cannot listen: errno \(errno)") }
        return (handle, UInt16(bigEndian: address.sin_port))
    }
}
