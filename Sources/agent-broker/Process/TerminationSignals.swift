import Glibc
import NIOCore
import Synchronization

/// Signals that ask for the end, the first of each: a second one ends the process at once, as if nobody had caught the
/// first.
///
/// For the one time that a process needs it.
struct TerminationSignals {
    private let pipe: Pipe
    private let caught: Descriptor

    /// Catches them from now on, but those that whoever started the process had it ignore.
    init(_ signals: [Int32]) throws(Descriptor.Failure) {
        pipe = try Pipe()
        caught = try Descriptor(pipe.readEnd)
        caughtSignals.store(pipe.writeEnd, ordering: .sequentiallyConsistent)
        for signal in signals { Self.catchOnce(signal) }
    }

    /// Waits for one. Throws `CancellationError`.
    func next() async throws -> Int32 {
        guard let byte = try await caught.read(upTo: 1)?.readableBytesView.first else { throw CancellationError() }
        return Int32(byte)
    }

    private static func catchOnce(_ signal: Int32) {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0, !isIgnored(action) else { return }
        action = sigaction()
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_RESTART)
        action.__sigaction_handler.sa_handler = { signal in
            let savedErrno = errno
            var byte = UInt8(truncatingIfNeeded: signal)
            _ = Glibc.write(caughtSignals.load(ordering: .sequentiallyConsistent), &byte, 1)
            errno = savedErrno
        }
        sigaction(signal, &action, nil)
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// Where the handler writes the number of the signal to. A handler can be given nothing else than what is global.
private let caughtSignals = Atomic<Int32>(-1)
