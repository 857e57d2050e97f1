/// How many payload bytes the peer takes now, of one stream or of the connection.
///
/// As the windows of RFC 9113 section 5.2.
struct SendWindow {
    private(set) var credit: Int

    init(_ credit: Int) {
        self.credit = credit
    }

    mutating func sent(_ bytes: Int) {
        credit -= bytes
    }

    /// False: the peer gave more credit than makes sense.
    mutating func granted(_ bytes: UInt64) -> Bool {
        guard bytes <= Self.maximumCredit, credit + Int(bytes) <= Self.maximumCredit else { return false }
        credit += Int(bytes)
        return true
    }

    private static let maximumCredit = 1 << 62
}

/// How many payload bytes the peer may still send, of one stream or on the connection.
struct ReceiveWindow {
    private var credit: Int
    /// Bytes that were used up here and not yet given back.
    private var consumed = 0
    private let size: Int

    init(_ size: Int) {
        self.size = size
        credit = size
    }

    /// False: the peer sent more than it had credit for.
    mutating func received(_ bytes: Int) -> Bool {
        credit -= bytes
        return credit >= 0
    }

    /// Bytes were used up. Returns the credit to give back, once it is worth a frame: half of the window.
    mutating func consumed(_ bytes: Int) -> Int? {
        consumed += bytes
        guard consumed >= size / 2, consumed > 0 else { return nil }
        let returned = consumed
        credit += returned
        consumed = 0
        return returned
    }
}
