import AgentBackend
import BrokerClient
import Glibc
import NIOCore
import Synchronization

/// `top` at a terminal: reads keys, asks the broker once a second, and draws. Safe to use from any thread.
final class TopSession: Sendable {
    private struct Model {
        var state = TopState()
        var sample: TopSample?
        var previous: TopSample?
        /// Chosen to be ended, and not answered for yet.
        var ending: TopState.Row?
    }

    private let connection: BrokerConnection
    private let org: String?
    private let output: CommandOutput
    private let terminal: LocalTerminal
    private let changes: WindowChanges
    private let model = Mutex(Model())
    private let redraw = Wakeup()
    private let chosen = Wakeup()
    private let start = ContinuousClock.now

    private static let interval = Duration.seconds(1)

    init(_ connection: BrokerConnection, org: String?, _ output: CommandOutput) throws {
        self.connection = connection
        self.org = org
        self.output = output
        terminal = try LocalTerminal(0)
        // Before the size is asked for: none of its changes is missed.
        changes = try WindowChanges()
    }

    /// Until it is quit. Throws when the terminal or the broker is gone. The terminal is as it was afterwards.
    func run() async throws {
        try await terminal.withRawMode {
            Self.write("\u{1b}[?1049h\u{1b}[?25l")
            defer { Self.write("\u{1b}[?25h\u{1b}[?1049l") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.readKeys() }
                group.addTask { try await self.endChosen() }
                group.addTask { try await self.sample() }
                group.addTask { try await self.followSize() }
                group.addTask { try await self.draw() }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// Returns when it is quit.
    private func readKeys() async throws {
        let keyboard = try Descriptor(terminal.number)
        var keys = TopKeys()
        while let bytes = try await keyboard.read(upTo: 4096) {
            for key in keys.keys(bytes.readableBytesView) {
                let action = model.withLock { model in
                    model.state.pressed(key, rows: model.sample.map(model.state.rows) ?? [])
                }
                switch action {
                case .none: break
                case .quit: return
                case .end(let row): choose(row)
                }
                redraw.wake()
            }
        }
        throw Descriptor.Failure.system(.read, of: "the terminal", errno: EIO)
    }

    /// One at a time. Does not wait for it: a broker that hangs does not keep keys from being read.
    private func choose(_ row: TopState.Row) {
        model.withLock { model in
            guard model.ending == nil else {
                return model.state.message = "the broker has not answered for the last one: wait, or q to quit"
            }
            model.ending = row
            switch row {
            case .command(_, let number): model.state.message = "command \(number) is being killed"
            case .entry(let org, let key, _): model.state.message = "the entry \(org)/\(key) is being destroyed"
            }
        }
        chosen.wake()
    }

    private func endChosen() async throws {
        while true {
            await chosen.wait()
            try Task.checkCancellation()
            guard let row = model.withLock(\.ending) else { continue }
            let message = await end(row)
            model.withLock { ($0.ending, $0.state.message) = (nil, message) }
            redraw.wake()
        }
    }

    /// What is to be said of it.
    private func end(_ row: TopState.Row) async -> String {
        do throws(BackendError) {
            switch row {
            case .command(let org, let number):
                try await connection.killCommand(number, in: org)
                return "command \(number) was killed"
            case .entry(let org, let key, let backend):
                try await connection.destroyEntry(key, backend, in: org)
                return "the entry \(org)/\(key) is destroyed"
            }
        } catch {
            return "\(error.code): \(error.message)"
        }
    }

    private func sample() async throws {
        while true {
            let sample = try await TopSample(of: connection, org: org, time: start.duration(to: .now))
            model.withLock { ($0.previous, $0.sample) = ($0.sample, sample) }
            redraw.wake()
            try await Task.sleep(for: Self.interval)
        }
    }

    private func followSize() async throws {
        while true {
            try await changes.next()
            redraw.wake()
        }
    }

    private func draw() async throws {
        while true {
            await redraw.wait()
            try Task.checkCancellation()
            let (size, model) = (terminal.size, model.withLock { $0 })
            guard let sample = model.sample else { continue }
            let screen = TopScreen(sample, since: model.previous, model.state, size)
            try await output.standardOutput.write(Array(screen.terminalText.utf8))
        }
    }

    /// At once, also where the task is cancelled: the terminal has to be left as it was.
    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(1, bytes, bytes.count)
    }
}
