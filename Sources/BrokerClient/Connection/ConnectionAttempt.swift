internal import AgentBackend
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One attempt to connect. A host with several addresses is tried with several channels; calling the attempt off closes
/// them all. Safe to use from any thread.
final class ConnectionAttempt: Sendable {
    private struct State {
        var channels: [any Channel] = []
        var isCalledOff = false
    }

    private let configuration: BrokerConnection.Configuration
    private let state = Mutex(State())

    init(_ configuration: BrokerConnection.Configuration) {
        self.configuration = configuration
    }

    func connect(to address: BrokerAddress) async throws(BackendError) -> (ClientConnectionHandler, any Channel) {
        let bootstrap = ClientBootstrap(group: configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(configuration.connectDeadline))
        do {
            return try await withTaskCancellationHandler {
                switch address {
                case .tcp(let host, let port):
                    try await bootstrap.connect(host: host, port: Int(port)) { self.prepare($0) }
                case .unix(let path):
                    try await bootstrap.connect(unixDomainSocketPath: path) { self.prepare($0) }
                }
            } onCancel: {
                callOff()
            }
        } catch {
            throw Task.isCancelled ? BrokerConnection.cancelled : Self.failure(address, error)
        }
    }

    private func prepare(_ channel: any Channel) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        channel.eventLoop.makeCompletedFuture {
            let isCalledOff = state.withLock { state in
                state.channels.append(channel)
                return state.isCalledOff
            }
            guard !isCalledOff else { throw BrokerConnection.cancelled }
            let handler = ClientConnectionHandler(eventLoop: channel.eventLoop, configuration: configuration)
            try channel.pipeline.syncOperations.addHandler(handler)
            return (handler, channel)
        }
    }

    private func callOff() {
        let channels = state.withLock { state in
            state.isCalledOff = true
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }

    private static func failure(_ address: BrokerAddress, _ error: any Error) -> BackendError {
        let number = systemErrno(of: error)
        let reason = number == 0 ? "\(error)" : String(cString: strerror(number))
        return BackendError(
            .connectionClosed,
            systemErrno: number,
            message: "cannot connect to \(address): \(reason): is a broker running there?",
            operation: "connect",
            isRetryable: true
        )
    }

    private static func systemErrno(of error: any Error) -> Int32 {
        switch error {
        case let error as IOError: error.errnoCode
        case let error as NIOConnectionError: error.connectionErrors.first.map { systemErrno(of: $0.error) } ?? 0
        default: 0
        }
    }
}
