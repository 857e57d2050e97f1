internal import AgentBackend
internal import LocalBackend
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Removes what is in the trash: at first what earlier brokers left, then what this one moves there. On a thread of its
/// own, so that nobody's files wait for it, and for each org a while in its turn, so that no org's millions of files
/// hold up the others.
struct TrashService: Service {
    let root: BrokerRoot
    let trash: TrashQueue
    let logger: Logger

    /// Time that an org has in its turn.
    private static let turn: Duration = .seconds(1)
    /// Turns in a row in which nothing could be removed, after which what is left stays for the next start.
    private static let maximumFruitlessTurns = 10
    /// Time for what is left when the broker ends; what remains is left for the next one.
    private static let grace: Duration = .seconds(5)

    func run() async throws {
        let threads = FileThreads(count: 1)
        let end = End()
        let trash = trash
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await work(on: threads, until: end)
            } onGracefulShutdown: {
                end.set(in: Self.grace)
                trash.close()
            }
        } onCancel: {
            end.set(in: .zero)
            trash.close()
        }
        await threads.shutdown()
    }

    private func work(on threads: FileThreads, until end: End) async {
        let root = root
        let known = try? await threads.run { () throws(BackendError) in try root.orgNames() }
        for org in known ?? [] { trash.add(org) }
        var fruitless: [String: Int] = [:]
        for await _ in trash.additions { await empty(on: threads, until: end, &fruitless) }
        // What came with the end of the pool.
        await empty(on: threads, until: end, &fruitless)
    }

    private func empty(on threads: FileThreads, until end: End, _ fruitless: inout [String: Int]) async {
        while !end.isOver, let org = trash.next() {
            switch await takeTurn(of: org, on: threads, until: end) {
            case .done:
                fruitless[org] = nil
            case .unfinished(let hasRemoved):
                let count = hasRemoved ? 0 : fruitless[org, default: 0] + 1
                fruitless[org] = count
                if count < Self.maximumFruitlessTurns { trash.add(org) }
            }
        }
    }

    private enum Turn {
        case done
        case unfinished(hasRemoved: Bool)
    }

    private func takeTurn(of org: String, on threads: FileThreads, until end: End) async -> Turn {
        let (root, turn) = (root, End())
        turn.set(in: Self.turn)
        let report = try? await threads.run { () throws(BackendError) in
            try root.emptyTrash(of: org) { end.isOver || turn.isOver }
        }
        guard let report, report.removed > 0 || report.left > 0 else { return .done }
        logger.debug(
            "removed files",
            metadata: ["org": "\(org)", "removed": "\(report.removed)", "left": "\(report.left)"]
        )
        if report.left > 0, turn.isOver { return .unfinished(hasRemoved: report.removed > 0) }
        if report.left > 0, !end.isOver {
            logger.warning("files cannot be removed", metadata: ["org": "\(org)", "errno": "\(report.lastErrno)"])
        }
        return .done
    }

    /// A time that comes; the nearest that was set.
    private final class End: Sendable {
        private let time = Mutex<ContinuousClock.Instant?>(nil)

        var isOver: Bool { time.withLock { $0.map { $0 <= .now } ?? false } }

        func set(in duration: Duration) {
            let new = ContinuousClock.now.advanced(by: duration)
            time.withLock { $0 = min($0 ?? new, new) }
        }
    }
}
