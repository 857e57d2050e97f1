public import NIOCore

extension BrokerConnection {
    /// How a client behaves. All of it has defaults.
    public struct Configuration: Sendable {
        /// For the broker's log, such as "acme-agents/2.1". At most 128 bytes.
        public var clientName = "swift-broker-client"
        /// Speak TLS. Nil: do not. A broker's listener does one or the other.
        public var tls: BrokerTLS?
        /// Time to connect.
        public var connectDeadline = Duration.seconds(10)
        /// Time for the broker to answer the hello.
        public var helloDeadline = Duration.seconds(10)
        /// Time for the broker to say that a call that was cancelled, or is past its deadline, is stopped.
        public var cancelDeadline = Duration.seconds(15)
        /// Pings that may stay unanswered before the connection counts as lost. Their interval is the broker's.
        public var keepaliveMisses = 3
        /// Where the connection's input and output is done. Nil: the event loops that the process shares.
        public var eventLoopGroup: (any EventLoopGroup)?

        public init() {}
    }
}
