internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// A file that is sent over several calls, and connections; see `UploadBegin` in
/// `Protos/agentbroker/v1/transfer.proto`.
struct BrokerUpload: Sendable {
    let name: String
    let path: WorkspacePath
    let options: WriteOptions
    let target: BrokerTarget
    /// Of each call. Its idempotency key is that of the last one.
    let callOptions: BrokerCallOptions

    /// Bytes that one call sends at the most: each has its own deadline.
    private static let maximumCall: UInt64 = 64 << 20

    /// Sends what the broker does not have, and has it take its place. What loses its connection is made again, up to
    /// `attempts` times without another byte.
    func run(
        attempts: Int,
        by origin: some CallOrigin,
        read: (UInt64) async throws -> ByteBuffer?
    ) async throws -> FileInfo {
        var checksum = RunningChecksum()
        var (rest, known): (Int, UInt64) = (attempts, 0)
        while true {
            do {
                let present = try await begin(origin)
                if present > known { (rest, known) = (attempts, present) }
                try await send(from: present, &checksum, origin, read)
                return try await finish(checksum.sha256, attempts: attempts, origin)
            } catch let error as BackendError where error.isInterruption {
                rest -= 1
                guard rest > 0, !Task.isCancelled else { throw error }
            }
        }
    }

    private func begin(_ origin: some CallOrigin) async throws(BackendError) -> UInt64 {
        try await origin.perform(.uploadBegin(name, path, options: options), on: target, call: keyless)
    }

    /// Sends all from an offset on. What comes before it is read too, where it is not in the checksum yet.
    private func send(
        from offset: UInt64,
        _ checksum: inout RunningChecksum,
        _ origin: some CallOrigin,
        _ read: (UInt64) async throws -> ByteBuffer?
    ) async throws {
        while checksum.count < offset, let piece = try await read(checksum.count), piece.readableBytes > 0 {
            checksum.add(piece)
        }
        // Nil: the end of the file, which may be shorter than what the broker has.
        var piece = checksum.count < offset ? nil : try await read(offset)
        var offset = offset
        while piece != nil {
            let writer = RemoteWriter(try origin.start(.uploadAppend(name, at: offset, on: target, keyless))) {
                if case .uploadAppend(let offset) = $0 { offset } else { nil }
            }
            let end = offset + Self.maximumCall
            do {
                while let bytes = piece, offset < end {
                    try await writer.write(bytes)
                    checksum.add(bytes, at: offset)
                    offset += UInt64(bytes.readableBytes)
                    piece = bytes.readableBytes > 0 ? try await read(offset) : nil
                }
                _ = try await writer.commit()
            } catch {
                await writer.abort()
                throw error
            }
        }
    }

    /// One that lost its answer is made again with the same key. A broker that does not know it may have done it before it
    /// was restarted: it did where the file has these bytes.
    private func finish(
        _ sha256: [UInt8],
        attempts: Int,
        _ origin: some CallOrigin
    ) async throws(BackendError) -> FileInfo {
        var call = callOptions
        if call.idempotencyKey.isEmpty { call.idempotencyKey = CallRequest.makeIdempotencyKey() }
        var (rest, mayBeDone) = (attempts, false)
        while true {
            do throws(BackendError) {
                return try await origin.perform(.uploadFinish(name, sha256: sha256), on: target, call: call)
            } catch {
                if error.code == .notFound, mayBeDone, let info = try await done(sha256, origin) { return info }
                guard error.code == .connectionClosed else { throw error }
                rest -= 1
                guard rest > 0, !Task.isCancelled else { throw error }
                mayBeDone = mayBeDone || error.maybeExecuted
            }
        }
    }

    /// Nil: the file has other bytes, or there is none.
    private func done(_ sha256: [UInt8], _ origin: some CallOrigin) async throws(BackendError) -> FileInfo? {
        do throws(BackendError) {
            let present = try await origin.perform(.checksum(path, range: .all), on: target, call: keyless)
            return present.sha256 == sha256 ? present.info : nil
        } catch  where error.reason == .notFound {
            return nil
        }
    }

    private var keyless: BrokerCallOptions {
        var options = callOptions
        options.idempotencyKey = ""
        return options
    }
}

extension BackendError {
    /// The connection is lost, or the broker has forgotten the upload: begun again it goes on.
    fileprivate var isInterruption: Bool { code == .connectionClosed || code == .notFound }
}

extension RunningChecksum {
    /// Adds what of a piece is not in it yet. `offset`: no further than ``count``.
    fileprivate mutating func add(_ piece: ByteBuffer, at offset: UInt64) {
        var rest = piece
        rest.moveReaderIndex(forwardBy: Int(min(UInt64(piece.readableBytes), count - offset)))
        add(rest)
    }
}
