/// Why a request was not answered with a result; JSON-RPC 2.0, and what the protocol adds to it.
package struct RPCError: Error, Sendable, Hashable {
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int64

        package init(rawValue: Int64) {
            self.rawValue = rawValue
        }

        package static let parseError = Code(rawValue: -32700)
        package static let invalidRequest = Code(rawValue: -32600)
        package static let methodNotFound = Code(rawValue: -32601)
        package static let invalidParameters = Code(rawValue: -32602)
        package static let `internal` = Code(rawValue: -32603)
        /// A header says another thing than the body.
        package static let headerMismatch = Code(rawValue: -32020)
        package static let unsupportedVersion = Code(rawValue: -32022)
    }

    package var code: Code
    /// One sentence that says what to do next.
    package var message: String
    package var data: JSONValue?

    package init(_ code: Code, _ message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    package static func methodNotFound(_ method: String) -> RPCError {
        RPCError(
            .methodNotFound,
            "there is no method \(method) here: tools/list and tools/call are what this server does"
        )
    }

    package static func unsupported(_ version: String) -> RPCError {
        RPCError(
            .unsupportedVersion,
            "Unsupported protocol version",
            data: [
                "supported": .array(ProtocolVersion.stateless.map { .string($0.rawValue) }),
                "requested": .string(version),
            ]
        )
    }
}
