/// How many payload bytes the peer takes now, of one stream or of the connection.
///
/// As the windows of RFC 9113 section 5.2. A value without I/O.
package struct SendWindow: Sendable {
    package private(set) var credit: Int
    /// What the peer takes, while nothing may be sent all the same.
    private var held: Int?

    package init(_ credit: Int) {
        self.credit = credit
    }

    package mutating func sent(_ bytes: Int) {
        credit -= bytes
    }

    /// What was counted as sent was not.
    package mutating func unsent(_ bytes: Int) {
        add(bytes)
    }

    /// Nothing may be sent for now, whatever the peer takes: there is no credit until ``resume()``.
    package mutating func suspend() {
        guard held == nil else { return }
        held = credit
        credit = 0
    }

    package mutating func resume() {
        credit += held ?? 0
        held = nil
    }

    package var isSuspended: Bool { held != nil }

    /// What the peer takes, suspended or not.
    package var allowed: Int { held ?? credit }

    /// False: the peer gave more credit than makes sense.
    package mutating func granted(_ bytes: UInt64) -> Bool {
        guard bytes <= UInt64(Self.maximumCredit - allowed) else { return false }
        add(Int(bytes))
        return true
    }

    private mutating func add(_ bytes: Int) {
        if let held {
            self.held = held + bytes
        } else {
            credit += bytes
        }
    }

    private static let maximumCredit = 1 << 62
}

/// How many payload bytes the peer may still send, of one stream or on the connection.
package struct ReceiveWindow: Sendable {
    private var credit: Int
    /// Bytes that were used up here and not yet given back.
    private var consumed = 0
    private let size: Int

    package init(_ size: Int) {
        self.size = size
        credit = size
    }

    /// False: the peer sent more than it had credit for.
    package mutating func received(_ bytes: Int) -> Bool {
        credit -= bytes
        return credit >= 0
    }

    /// Bytes were used up. Returns the credit to give back, once it is worth a frame: half of the window.
    package mutating func consumed(_ bytes: Int) -> Int? {
        consumed += bytes
        guard consumed >= size / 2, consumed > 0 else { return nil }
        let returned = consumed
        credit += returned
        consumed = 0
        return returned
    }
}
