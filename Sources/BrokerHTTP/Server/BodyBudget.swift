internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// Why the body of a request cannot be had.
enum BodyFailure: Error {
    /// It is longer than so many bytes.
    case tooLarge(Int)
    /// All bodies together are.
    case tooMany
    case tooLate
    case broken
}

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
    ///
    /// - Parameter refusal: Makes the error of a body that cannot be had.
    func withBody<Refusal: Error>(
        of request: Request,
        upTo maximum: Int,
        _ patience: Duration,
        refusal: (BodyFailure) -> Refusal,
        _ body: (ByteBuffer) async throws(Refusal) -> Response
    ) async throws(Refusal) -> Response {
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? maximum
        guard length <= maximum else { throw refusal(.tooLarge(maximum)) }
        guard take(length) else { throw refusal(.tooMany) }
        defer { giveBack(length) }
        let bytes: ByteBuffer
        do throws(BodyFailure) {
            bytes = try await Self.collect(request, upTo: maximum, patience)
        } catch {
            throw refusal(error)
        }
        return try await body(bytes)
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
        upTo maximum: Int,
        _ patience: Duration
    ) async throws(BodyFailure) -> ByteBuffer {
        let result = await withTaskGroup(of: Result<ByteBuffer, BodyFailure>.self) { group in
            group.addTask {
                do {
                    var bytes = ByteBuffer()
                    for try await var piece in request.body {
                        guard bytes.readableBytes + piece.readableBytes <= maximum else {
                            return .failure(.tooLarge(maximum))
                        }
                        bytes.writeBuffer(&piece)
                    }
                    return .success(bytes)
                } catch {
                    return .failure(.broken)
                }
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return .failure(.tooLate)
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.broken)
        }
        return try result.get()
    }
}
