/// Credit of one stream or connection: how many payload bytes may still travel, each way.
///
/// As the windows of RFC 9113 section 5.2. A value without I/O; the connection has one, and each call that waits.
struct FlowControl {
    /// Payload bytes that the peer takes now.
    private(set) var sendCredit: Int
    /// Payload bytes that the peer may still send.
    private var receiveCredit: Int
    /// Bytes that were used up here and not yet given back.
    private var consumed = 0
    private let window: Int

    init(window: Int) {
        self.window = window
        sendCredit = window
        receiveCredit = window
    }

    /// False: the peer sent more than it had credit for.
    mutating func received(_ bytes: Int) -> Bool {
        receiveCredit -= bytes
        return receiveCredit >= 0
    }

    /// Bytes were used up. Returns the credit to send, once it is worth a frame: half of the window.
    mutating func consumed(_ bytes: Int) -> Int? {
        consumed += bytes
        guard consumed >= window / 2, consumed > 0 else { return nil }
        let returned = consumed
        receiveCredit += returned
        consumed = 0
        return returned
    }

    /// False: the peer gave more credit than makes sense.
    mutating func granted(_ bytes: UInt64) -> Bool {
        guard bytes <= UInt64(Self.maximumCredit - sendCredit) else { return false }
        sendCredit += Int(bytes)
        return true
    }

    mutating func sent(_ bytes: Int) {
        sendCredit -= bytes
    }

    /// What was counted as sent was not.
    mutating func unsent(_ bytes: Int) {
        sendCredit += bytes
    }

    private static let maximumCredit = 1 << 62
}
