internal import AgentBackend
internal import BrokerClient
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// Answers that go on until they are ended from either side.
extension Dashboard {
    /// What goes on, as it does.
    func events(
        _ session: DashboardSessions.Session,
        _ connection: HTTPConnection
    ) throws(BackendError) -> Response {
        let stream = try sessions.openStream(of: session)
        return Self.response { writer in
            guard let page = session.feed.subscribe() else { return }
            defer { session.feed.unsubscribe(page) }
            // Called off, and waited for, when there is nothing more to write.
            async let _: Void = page.end(stream.waitForEnd(orOf: connection))
            while let bytes = await page.next() { try await writer.write(bytes) }
        }
    }

    /// What a command writes, and wrote, from an offset on.
    func output(
        of command: UInt64,
        in org: String,
        _ request: Request,
        _ session: DashboardSessions.Session,
        _ connection: HTTPConnection
    ) async throws(BackendError) -> Response {
        let offsets = StreamOffsets(
            standardOutput: try Self.offset("from", request),
            standardError: try Self.offset("stderr_from", request)
        )
        let stream = try sessions.openStream(of: session)
        let output = try await session.feed.connection.follow(command, in: org, from: offsets)
        return Self.response { writer in
            async let _: Void = Self.close(output, when: stream, connection)
            do {
                while let event = try await output.next() { try await writer.write(event.bytes) }
            } catch is BackendError {
                // It was ended from outside, or the broker is gone.
                try await writer.write(ByteBuffer(event: "bye", ["reason": .string(stream.whyItEnded ?? "ended")]))
            }
        }
    }

    private static func offset(_ name: String, _ request: Request) throws(BackendError) -> UInt64 {
        guard let text = request.uri.queryParameters[name[...]] else { return 0 }
        guard let offset = UInt64(text) else {
            throw BackendError(.invalidArgument, message: "\(name) is a number of bytes")
        }
        return offset
    }

    private static func response(
        _ write: @escaping @Sendable @concurrent (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store, no-transform", .xAccelBuffering: "no",
            ],
            body: ResponseBody { writer in
                try await write(&writer)
                try await writer.finish(nil)
            }
        )
    }

    /// Reads no more of it once the stream has to end or its client is gone.
    private static func close(
        _ output: BackgroundOutput,
        when stream: DashboardStream,
        _ connection: HTTPConnection
    ) async {
        _ = await stream.waitForEnd(orOf: connection)
        await output.close()
    }
}

extension BackgroundEvent {
    fileprivate var bytes: ByteBuffer {
        switch self {
        case .output(let stream, let offset, let bytes):
            ByteBuffer(
                event: "output",
                [
                    "stream": .string(stream.name), "offset": .count(offset),
                    "data": .string(Base64.text(bytes.readableBytesView)),
                ]
            )
        case .missing(let stream, let missing):
            ByteBuffer(event: "gap", ["stream": .string(stream.name), "bytes": .integer(Int64(missing.count))])
        case .ended(let end):
            ByteBuffer(
                event: "end",
                [
                    "exit_code": end.outcome.exitStatus, "signal": end.outcome.signal,
                    "end": .string(end.outcome.name),
                ]
            )
        }
    }
}

extension CommandStream {
    fileprivate var name: String {
        switch self {
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        }
    }
}

extension ExecEnd.Outcome {
    fileprivate var exitStatus: JSONValue { if case .exited(let code) = self { .count(UInt64(code)) } else { .null } }
    fileprivate var signal: JSONValue {
        if case .signaled(let signal) = self { .integer(Int64(signal)) } else { .null }
    }
}
