internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// An answer as events; the HTML standard, "Server-sent events".
enum EventStream {
    /// Writes what the mailbox gets, to its end. A client that is gone is written no more, and what it asked for goes on
    /// until it is answered or called off.
    @concurrent
    static func write(
        _ mailbox: AnswerMailbox,
        of call: RPCRequest,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        do {
            while true {
                let item = await mailbox.next()
                if let bytes = bytes(of: item, call) { try await writer.write(bytes) }
                if item.isLast { break }
            }
        } catch {
            _ = await mailbox.answer()
            throw error
        }
        try await writer.finish(nil)
    }

    private static func bytes(of item: AnswerMailbox.Item, _ call: RPCRequest) -> ByteBuffer? {
        switch item {
        case .ping: ByteBuffer(string: ": ping\n\n")
        case .cancelled: nil
        case .answer(let response): ByteBuffer(event: "message", response.json)
        case .progress(let progress): call.progressToken.map { ByteBuffer(event: "message", progress.notification($0)) }
        }
    }
}
