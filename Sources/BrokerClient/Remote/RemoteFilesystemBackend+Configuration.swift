public import AgentBackend
internal import BrokerWire

extension RemoteFilesystemBackend {
    /// Which of the calls that a lost connection leaves behind are made again. A call that the broker cannot have begun
    /// always is: it loses its place to no other, and its time goes on.
    public enum Resend: Sendable, Hashable {
        /// None of those that may have begun: they fail at once, with `CONNECTION_CLOSED` and `maybeExecuted`.
        case none
        /// Those that change nothing, where the caller has seen nothing of the answer, three times at most.
        case reads
        /// Those too that change something, three times at most: each has an idempotency key, by which the broker does
        /// it once and answers as it did first. What cannot have one fails as at ``none``: a command in the foreground,
        /// a file that is written in pieces, and whatever a broker that was restarted meanwhile may have done.
        case all
    }

    /// What a backend is a view of, and how it goes about it.
    public struct Configuration: Sendable {
        public var address: BrokerAddress
        public var token: String
        /// Type, key and scope of what it shows. A key is needed, and no lease.
        public var target: BrokerTarget
        /// What the key's entry is to be like: environment of its commands, log mode, limits. With it the backend holds
        /// a lease while it is connected, and a live entry that is otherwise is `CONFLICT`. Nil: whatever it is like.
        public var entry: EntryConfiguration?
        public var connection: BrokerConnection.Configuration
        /// Time for each operation as a whole: the wait for a connection, a command, a file that is read in pieces; then
        /// `DEADLINE_EXCEEDED`. Nil: none.
        public var operationTimeout: Duration?
        /// Time to wait for a place in the broker's pool; then `RESOURCE_EXHAUSTED`. Nil: the broker's default.
        public var queueTimeout: Duration?
        /// Bytes of each output stream of a command that are kept where a caller names no limit of its own.
        public var maximumOutputLength: Int
        public var reconnection: ReconnectPolicy
        public var resend: Resend
        /// Calls that may wait for a connection; one more is `RESOURCE_EXHAUSTED`.
        public var maximumWaitingCalls: Int

        public init(
            address: BrokerAddress,
            token: String,
            target: BrokerTarget,
            entry: EntryConfiguration? = nil,
            connection: BrokerConnection.Configuration = BrokerConnection.Configuration(),
            operationTimeout: Duration? = nil,
            queueTimeout: Duration? = nil,
            maximumOutputLength: Int = 10 << 20,
            reconnection: ReconnectPolicy = ReconnectPolicy(),
            resend: Resend = .none,
            maximumWaitingCalls: Int = 1024
        ) {
            self.address = address
            self.token = token
            self.target = target
            self.entry = entry
            self.connection = connection
            self.operationTimeout = operationTimeout
            self.queueTimeout = queueTimeout
            self.maximumOutputLength = maximumOutputLength
            self.reconnection = reconnection
            self.resend = resend
            self.maximumWaitingCalls = maximumWaitingCalls
        }

        func validate() throws(BackendError) {
            do throws(BackendError) {
                try Name.validate(target.key, kind: "key")
            } catch {
                throw BackendError(.invalidConfiguration, message: error.message)
            }
            guard target.backend != .remoteFilesystem, target.lease == nil else {
                throw Self.mistake(
                    "the target names a lease or a remote-filesystem backend: name a key of another type"
                )
            }
            guard operationTimeout ?? .seconds(1) > .zero, queueTimeout ?? .seconds(1) > .zero else {
                throw Self.mistake("a timeout is not above 0: leave it out for none")
            }
            guard maximumWaitingCalls > 0, maximumOutputLength >= 0 else {
                throw Self.mistake("no call may wait for a connection, or no output has room: allow some")
            }
            try reconnection.validate()
        }

        private static func mistake(_ message: String) -> BackendError {
            BackendError(.invalidConfiguration, message: message)
        }

        var callOptions: BrokerCallOptions {
            BrokerCallOptions(deadline: operationTimeout, queueDeadline: queueTimeout)
        }
    }
}
