/// What a peer sees of TLS that expects none: the first byte of a record, RFC 8446 section 5.1.
enum TLSRecord {
    static let alert: UInt8 = 21
    static let handshake: UInt8 = 22
}
