package import NIOCore

/// What a client sends: a call, the next piece of one, or something about the connection itself.
package struct ClientFrame: Sendable {
    package enum Body: Sendable {
        case hello(Hello)
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        case cancel(call: UInt64)
        /// `stream` 0 is the connection.
        case window(stream: UInt64, bytes: UInt64)
        case goAway(GoAway)
        case chunk
        case call(Operation)
        /// Of a newer client, or none at all.
        case unknown
    }

    package var id: UInt64
    package var target: Target?
    package var last: Bool
    package var options: CallOptions
    package var body: Body
    package var payload: ByteBuffer

    package init(
        id: UInt64,
        target: Target? = nil,
        last: Bool = true,
        options: CallOptions = CallOptions(),
        body: Body,
        payload: ByteBuffer = ByteBuffer()
    ) {
        self.id = id
        self.target = target
        self.last = last
        self.options = options
        self.body = body
        self.payload = payload
    }
}

/// What a caller may say of any call.
package struct CallOptions: Sendable, Hashable {
    /// 0: none.
    package var lane: UInt32 = 0
    package var deadline: Duration?
    package var queueDeadline: Duration?
    /// Numbers of ``Feature``, unknown ones included.
    package var requires: [UInt32] = []
    package var traceparent = ""
    package var idempotencyKey = ""

    package init() {}
}

/// What a call asks for. One case, one line in each mapping, and one verb of the broker's per operation.
package enum Operation: Sendable {
    case echo
    case acquire(Acquire)
    case release(Release)
    case describe
    case read(Read)
    case write(Write)
    case readdir(Readdir)
    case stat(Stat)
    case rm(Rm)
    case execStart(ExecStart)
    case stats
}
