/// Drives one closed-loop run from a single thread: connects, warms up, measures, and waits for the answers that
/// are outstanding. Ends in bounded time, whatever the server does.
struct LoadRun: ~Copyable {
    private let settings: LoadSettings
    private let frameLength: Int
    private let epoll: Epoll
    private let connections: [LoadConnection]
    /// Those whose calls are not measured. Their tokens follow those of the others.
    private let background: [LoadConnection]
    /// Connections that epoll watches for room to write.
    private var watchedForRoom: Set<Int> = []
    private var tally = LoadTally()
    private var backgroundTally = LoadTally()

    private static let interruptToken = -1

    /// Connects. `interrupts` is the descriptor of ``Interrupts``, where the caller has them.
    init(_ settings: LoadSettings, interrupts: Int32? = nil) throws(LoadFailure) {
        try settings.validate()
        let templates = settings.templates
        let epoll = try Epoll()
        if let interrupts { try epoll.add(interrupts, token: Self.interruptToken) }
        let connections = try Self.connect(settings, from: 0, epoll)
        var background: [LoadConnection] = []
        if let settings = settings.ofBackground {
            try settings.validate()
            background = try Self.connect(settings, from: connections.count, epoll)
        }
        self.settings = settings
        self.epoll = epoll
        self.connections = connections
        self.background = background
        frameLength = templates.joined().map(\.frameLength).max() ?? 0
    }

    private static func connect(
        _ settings: LoadSettings,
        from first: Int,
        _ epoll: borrowing Epoll
    ) throws(LoadFailure) -> [LoadConnection] {
        let templates = settings.templates
        var connections: [LoadConnection] = []
        for number in 0..<settings.connections {
            let connection = try LoadConnection(
                number: number,
                settings: settings,
                templates: templates[number % templates.count]
            )
            try epoll.add(connection.descriptor, token: first + number)
            connections.append(connection)
        }
        return connections
    }

    private func connection(_ number: Int) -> LoadConnection {
        number < connections.count ? connections[number] : background[number - connections.count]
    }

    /// Throws at the first wrong answer. Answers that are errors are counted.
    consuming func run() throws(LoadFailure) -> LoadReport {
        try start()
        try letBackgroundRest()
        try serve(until: Clocks.monotonic() + settings.warmup.nanoseconds) { _ in false }
        tally.reset()
        backgroundTally.reset()

        let first = try Sample.take(settings.server)
        let calls = settings.calls ?? .max
        try serve(until: first.time + settings.duration.nanoseconds) { $0.answered >= calls }
        let last = try Sample.take(settings.server)
        let (measured, measuredBackground) = (tally, backgroundTally)

        try drain()
        return LoadReport(
            settings: settings,
            frameLength: frameLength,
            measured: measured,
            all: tally,
            background: measuredBackground,
            unanswered: connections.reduce(0) { $0 + $1.unanswered },
            from: first,
            to: last
        )
    }

    /// Makes one call of each place, and then, while the connections are still there, what `body` does. Throws unless
    /// each call is answered as it should be.
    consuming func makeEachCallOnce<Result>(
        then body: () throws(LoadFailure) -> Result = {}
    ) throws(LoadFailure) -> Result {
        try start()
        try drain()
        let unanswered = connections.reduce(0) { $0 + $1.unanswered }
        if let error = tally.firstError { throw .failedCalls("a call failed: \(error)") }
        if unanswered > 0 {
            throw .failedCalls("\(unanswered) calls were not answered within \(LoadSettings.patience)")
        }
        // Else they could be closed after their last use, which is above.
        defer { withExtendedLifetime(connections) {} }
        return try body()
    }

    private mutating func start() throws(LoadFailure) {
        // The background first, so that the others meet it.
        for number in (0..<connections.count + background.count).reversed() {
            try connection(number).start(at: Clocks.monotonic())
            try watchForRoom(number)
        }
    }

    private mutating func serve(
        until end: UInt64,
        refills: Bool = true,
        unless isDone: (borrowing LoadTally) -> Bool
    ) throws(LoadFailure) {
        var now = Clocks.monotonic()
        while now < end, !isDone(tally) {
            for index in 0..<(try epoll.wait(limit: end - now)) {
                let ready = epoll.ready(index)
                guard ready.token != Self.interruptToken else { throw .interrupted }
                now = Clocks.monotonic()
                if ready.token < connections.count {
                    try connections[ready.token].serve(ready, at: now, refills: refills, tally: &tally)
                } else {
                    let refills = refills && settings.background?.isBusy == true
                    try connection(ready.token).serve(ready, at: now, refills: refills, tally: &backgroundTally)
                }
                try watchForRoom(ready.token)
            }
            now = Clocks.monotonic()
        }
    }

    /// Connections of the background that are to be idle are so when this returns.
    private mutating func letBackgroundRest() throws(LoadFailure) {
        guard settings.background?.isBusy == false else { return }
        let background = background
        try serve(until: Clocks.monotonic() + LoadSettings.patience.nanoseconds) { _ in
            background.allSatisfy { $0.unanswered == 0 }
        }
    }

    private mutating func drain() throws(LoadFailure) {
        let end = Clocks.monotonic() + LoadSettings.patience.nanoseconds
        let connections = connections
        try serve(until: end, refills: false) { _ in connections.allSatisfy { $0.unanswered == 0 } }
    }

    /// Tells epoll when it has changed whether the connection waits for room to write.
    private mutating func watchForRoom(_ number: Int) throws(LoadFailure) {
        let connection = connection(number)
        guard connection.waitsForRoom != watchedForRoom.contains(number) else { return }
        if connection.waitsForRoom {
            watchedForRoom.insert(number)
        } else {
            watchedForRoom.remove(number)
        }
        try epoll.watch(connection.descriptor, token: number, forRoom: connection.waitsForRoom)
    }
}

/// What the clocks said at one end of a measurement. Nanoseconds.
struct Sample {
    var time: UInt64
    var clientProcessor: UInt64
    /// Nil where no server process was named.
    var serverProcessor: UInt64?

    static func take(_ server: ServerProcessor) throws(LoadFailure) -> Sample {
        // The look at the server comes first, so that its cost is not in between the other two.
        let serverProcessor = try server.nanoseconds()
        return Sample(
            time: Clocks.monotonic(),
            clientProcessor: Clocks.ownProcessor(),
            serverProcessor: serverProcessor
        )
    }
}
