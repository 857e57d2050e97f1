public import AgentBackend
internal import BrokerWire
public import NIOCore
internal import Synchronization

extension BrokerConnection {
    /// Writes a file from a sequence of pieces, of which it holds one at a time. They take effect together, at the end
    /// of the sequence; where that or its task fails, not at all: then it throws the sequence's own ``BackendError``,
    /// or `WRITE_FAILED` with the sequence's error as its cause. A broker that refuses the file is heard at once: the
    /// task that waits for the next piece is cancelled, and the call returns when it has ended.
    @discardableResult
    public func write<Contents: AsyncSequence & Sendable>(
        _ path: WorkspacePath,
        contents: Contents,
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo where Contents.Element == ByteBuffer {
        let call = try start(.upload(path, options: options, on: target, callOptions))
        return try await call.send(contents, UnaryCall.written)
    }

    /// Extracts a tar archive from a sequence of pieces into a directory, which is made with its parents; see
    /// ``Backend/openExtraction(into:options:)``. As ``write(_:contents:options:on:call:)``.
    @discardableResult
    public func extract<Contents: AsyncSequence & Sendable>(
        into path: WorkspacePath,
        contents: Contents,
        options: ExtractOptions = ExtractOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> ExtractResult where Contents.Element == ByteBuffer {
        let call = try start(.extraction(into: path, options: options, on: target, callOptions))
        return try await call.send(contents, UnaryCall.extracted)
    }
}

extension ClientCall {
    /// Sends a sequence as the bytes of the call, and returns what `value` makes of its answer.
    func send<Contents: AsyncSequence & Sendable, Value>(
        _ contents: Contents,
        _ value: (Reply) -> Value?
    ) async throws(BackendError) -> Value where Contents.Element == ByteBuffer {
        let upload = ContentsUpload(contents, to: self)
        let answer = await withTaskGroup(of: Void.self) { group in
            group.addTask { await upload.run() }
            let answer: Result<Reply, BackendError>
            do throws(BackendError) {
                answer = .success(try await onlyPart().reply)
            } catch {
                answer = .failure(error)
            }
            group.cancelAll()
            return answer
        }
        switch answer {
        case .success(let reply):
            guard let value = value(reply) else { throw .strangeAnswer(to: operation) }
            return value
        case .failure(let error): throw upload.failure ?? error
        }
    }
}

/// Sends a sequence's pieces as those of a call. Ends the call where the sequence fails.
private final class ContentsUpload<Contents: AsyncSequence & Sendable>: Sendable where Contents.Element == ByteBuffer {
    private let contents: Contents
    private let call: ClientCall
    private let failureStorage = Mutex<BackendError?>(nil)

    init(_ contents: Contents, to call: ClientCall) {
        self.contents = contents
        self.call = call
    }

    /// Of the sequence, where it failed before the call did.
    var failure: BackendError? { failureStorage.withLock { $0 } }

    func run() async {
        do {
            for try await piece in contents where piece.readableBytes > 0 {
                guard case .sent = await call.send(piece, isLast: false) else { return }
            }
            // A task that was cancelled may have found the sequence at its end for that.
            if !Task.isCancelled { call.endInput() }
        } catch {
            // One that was cancelled fails for that: the call says why.
            guard !Task.isCancelled else { return }
            failureStorage.withLock { $0 = Self.failedContents(error, of: call.operation) }
            call.cancel()
        }
    }

    private static func failedContents(_ error: any Error, of operation: String) -> BackendError {
        if let error = error as? BackendError { return error }
        if error is CancellationError { return .cancelledByCaller.during(operation) }
        return BackendError(
            .writeFailed,
            message: "the contents could not be had, and nothing was written",
            operation: operation,
            cause: error
        )
    }
}
