/// Where a message's payload and id are, found by its top-level tags alone, before anything is unpacked.
struct MessageScan {
    /// The field that both kinds of frame carry file contents in.
    private static let payloadField: UInt64 = 2047

    /// Fields below are those of a call whatever its operation.
    private static let firstBodyField: UInt64 = 16

    /// Field 1, as given last; 0 where there is none.
    private(set) var id: UInt64 = 0
    /// The field that the operation is in, also one that is not known; 0 where there is none, or several.
    private(set) var body: UInt64 = 0
    /// Field 2047, as given last: with its tag and length, and the bytes in it.
    private(set) var payload: (field: Range<Int>, contents: Range<Int>)?
    private(set) var hasSeveralPayloads = false
    /// Something is no field, or the payload no bytes; id and payload are what was found before it.
    private(set) var isMalformed = false

    init(_ message: UnsafeRawBufferPointer) {
        var fields = TopLevelFields(message)
        var hasSeveralBodies = false
        while let field = fields.next() {
            if field.number == 1 {
                id = field.value
            } else if field.number == Self.payloadField {
                guard field.wireType == 2 else {
                    isMalformed = true
                    return
                }
                hasSeveralPayloads = payload != nil
                payload = (field.whole, field.contents)
            } else if field.number >= Self.firstBodyField {
                hasSeveralBodies = hasSeveralBodies || body != 0 && body != field.number
                body = field.number
            }
        }
        if hasSeveralBodies { body = 0 }
        isMalformed = fields.isMalformed
    }

    /// All fields but the payload, copied together: for a message that has it elsewhere than at the end.
    static func copyHead(of message: UnsafeRawBufferPointer) -> [UInt8] {
        var head: [UInt8] = []
        var fields = TopLevelFields(message)
        while let field = fields.next() {
            if field.number != payloadField { head.append(contentsOf: message[field.whole]) }
        }
        return head
    }
}
