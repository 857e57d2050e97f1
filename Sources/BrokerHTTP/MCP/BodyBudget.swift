internal import AgentBackend
internal import BrokerServer
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore
internal import Synchronization

/// Bytes of the bodies that are being received or worked on, all together. Safe to use from any thread.
final class BodyBudget: Sendable {
    private let maximum: @Sendable () -> Int
    private let used = Mutex(0)

    /// `maximum`: asked for each body.
    init(maximum: @escaping @Sendable () -> Int) {
        self.maximum = maximum
    }

    /// Runs `body` with the request's body. One that is too long is refused before any of it is kept, where its length is
    /// told, else as soon as it is.
    func withBody(
        of request: Request,
        _ settings: BrokerConfiguration.HTTP,
        _ body: (ByteBuffer) async throws(MCPRefusal) -> Response
    ) async throws(MCPRefusal) -> Response {
        let told = request.headers[.contentLength].flatMap { Int($0) }
        let length = told ?? settings.maxBodyBytes
        guard length <= settings.maxBodyBytes else { throw .bodyTooLarge(settings.maxBodyBytes) }
        guard take(length) else {
            throw MCPRefusal(
                .init(.resourceExhausted, message: "too many messages are on their way: try again later")
            )
        }
        defer { giveBack(length) }
        return try await body(try await Self.collect(request, settings))
    }

    private func take(_ bytes: Int) -> Bool {
        let maximum = maximum()
        return used.withLock { used in
            guard used + bytes <= maximum else { return false }
            used += bytes
            return true
        }
    }

    private func giveBack(_ bytes: Int) {
        used.withLock { $0 -= bytes }
    }

    private static func collect(
        _ request: Request,
        _ settings: BrokerConfiguration.HTTP
    ) async throws(MCPRefusal) -> ByteBuffer {
        let result = await withTaskGroup(of: Result<ByteBuffer, MCPRefusal>.self) { group in
            group.addTask {
                do {
                    var bytes = ByteBuffer()
                    for try await var piece in request.body {
                        guard bytes.readableBytes + piece.readableBytes <= settings.maxBodyBytes else {
                            return .failure(.bodyTooLarge(settings.maxBodyBytes))
                        }
                        bytes.writeBuffer(&piece)
                    }
                    return .success(bytes)
                } catch {
                    return .failure(.bodyBroken)
                }
            }
            group.addTask {
                try? await Task.sleep(for: settings.bodyTimeout)
                return .failure(.bodyTooLate)
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.bodyBroken)
        }
        return try result.get()
    }
}
