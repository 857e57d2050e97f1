package import NIOCore
import Synchronization

/// How much a command wrote, and the first of it, for its record. Safe to use from any thread.
package final class CommandOutputTally: Sendable {
    private struct Stream {
        var count: UInt64 = 0
        var excerpt = OutputExcerpt()

        mutating func add(_ bytes: ByteBuffer) {
            count += UInt64(bytes.readableBytes)
            excerpt.append(bytes)
        }
    }

    private let streams = Mutex((output: Stream(), error: Stream()))

    package init() {}

    package func add(_ bytes: ByteBuffer, to stream: CommandStream) {
        streams.withLock { streams in
            switch stream {
            case .standardOutput: streams.output.add(bytes)
            case .standardError: streams.error.add(bytes)
            }
        }
    }

    /// Bytes so far.
    package var counts: StreamOffsets {
        streams.withLock { StreamOffsets(standardOutput: $0.output.count, standardError: $0.error.count) }
    }

    /// What a record has of it.
    package func fill(_ record: inout OperationRecord) {
        let (output, error) = streams.withLock { $0 }
        record.bytes = output.count + error.count
        record.standardOutput = output.excerpt.bytes
        record.standardError = error.excerpt.bytes
    }
}
