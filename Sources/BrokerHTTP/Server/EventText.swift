internal import ModelContextProtocol
internal import NIOCore

extension ByteBuffer {
    /// One event of a stream; the HTML standard, "Server-sent events".
    init(event name: StaticString, _ data: JSONValue) {
        self.init()
        writeStaticString("event: ")
        writeStaticString(name)
        writeStaticString("\ndata: ")
        data.append(to: &self)
        writeStaticString("\n\n")
    }
}
