internal import Synchronization

/// The configuration that counts now, for who asks for it each time. Safe to use from any thread.
final class RunningConfiguration: Sendable {
    private let state: Mutex<BrokerConfiguration>

    init(_ configuration: BrokerConfiguration) {
        state = Mutex(configuration)
    }

    var current: BrokerConfiguration { state.withLock { $0 } }

    func replace(with configuration: BrokerConfiguration) {
        state.withLock { $0 = configuration }
    }
}
