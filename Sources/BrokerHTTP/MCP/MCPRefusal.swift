internal import AgentBackend
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol
internal import NIOCore

/// Why a request was not answered with what it asked for: a status of HTTP, and, for a client to read, an error of the
/// protocol.
struct MCPRefusal: Error {
    private let status: HTTPResponse.Status
    private let headers: HTTPFields
    private let body: RPCResponse

    private init(
        _ status: HTTPResponse.Status,
        _ error: RPCError,
        id: MessageID? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.headers = headers
        body = RPCResponse(id: id, .failure(error))
    }

    /// A response that is an error.
    init(_ response: RPCResponse) {
        status = Self.status(of: response)
        headers = [:]
        body = response
    }

    /// What the broker refused, or this before it.
    init(_ error: BackendError) {
        let message = "\(error.code): \(error.message)"
        switch error.code {
        case .authFailed:
            self.init(.unauthorized, RPCError(.invalidRequest, message), headers: [.wwwAuthenticate: "Bearer"])
        case .invalidArgument:
            self.init(.badRequest, RPCError(.invalidRequest, message))
        case .permissionDenied:
            self.init(.forbidden, RPCError(.invalidRequest, message))
        case .internal, .protocolError:
            self.init(.internalServerError, RPCError(.internal, message))
        default:
            let seconds = max(1, (error.retryAfter ?? .seconds(1)).inMilliseconds / 1000)
            self.init(.serviceUnavailable, RPCError(.internal, message), headers: [.retryAfter: "\(seconds)"])
        }
    }

    var response: Response { Response(json: body.json, status, headers: headers) }

    /// As the protocol maps them.
    static func status(of response: RPCResponse) -> HTTPResponse.Status {
        guard case .failure(let error) = response.outcome else { return .ok }
        switch error.code {
        case .parseError, .invalidRequest, .invalidParameters, .headerMismatch, .unsupportedVersion: return .badRequest
        case .methodNotFound: return .notFound
        default: return .ok
        }
    }

    static let noToken = MCPRefusal(
        .unauthorized,
        RPCError(.invalidRequest, "give a token of the broker: Authorization: Bearer ab_…"),
        headers: [.wwwAuthenticate: "Bearer"]
    )
    static let origin = MCPRefusal(
        .forbidden,
        RPCError(.invalidRequest, "pages of this origin may not call: name it in http.allowed_origins to let them")
    )
    static let draining = MCPRefusal(
        .serviceUnavailable,
        RPCError(.internal, "the broker ends, and begins nothing new: connect to another one"),
        headers: [.retryAfter: "5", .connection: "close"]
    )
    static let contentType = MCPRefusal(
        .unsupportedMediaType,
        RPCError(.invalidRequest, "a message is application/json: say so in Content-Type")
    )
    static let accept = MCPRefusal(
        .notAcceptable,
        RPCError(.invalidRequest, "answers are application/json or text/event-stream: accept both")
    )
    static let noSession = MCPRefusal(
        .badRequest,
        RPCError(.invalidRequest, "there is no session: initialize first, and send the Mcp-Session-Id of its answer")
    )
    static let unknownSession = MCPRefusal(
        .notFound,
        RPCError(.invalidRequest, "the session is not known: initialize again")
    )
    static let calledOff = MCPRefusal(.ok, RPCError(.internal, "the request was called off"))
    private static let bodyTooLate = MCPRefusal(
        .requestTimeout,
        RPCError(.invalidRequest, "the message took too long to arrive"),
        headers: [.connection: "close"]
    )
    private static let bodyBroken = MCPRefusal(
        .badRequest,
        RPCError(.invalidRequest, "the message did not arrive as a whole"),
        headers: [.connection: "close"]
    )

    /// What is wrong with the body of a message.
    init(_ failure: BodyFailure) {
        switch failure {
        case .tooLarge(let maximum): self = .bodyTooLarge(maximum)
        case .tooMany:
            self.init(BackendError(.resourceExhausted, message: "too many messages are on their way: try again later"))
        case .tooLate: self = .bodyTooLate
        case .broken: self = .bodyBroken
        }
    }

    private static func bodyTooLarge(_ maximum: Int) -> MCPRefusal {
        MCPRefusal(
            .contentTooLarge,
            RPCError(.invalidRequest, "a message has \(maximum) bytes at most: write a large file with exec"),
            headers: [.connection: "close"]
        )
    }

    static func unsupported(_ version: String, _ id: MessageID?) -> MCPRefusal {
        MCPRefusal(.badRequest, .unsupported(version), id: id)
    }

    static func headerMismatch(_ header: String, _ id: MessageID?) -> MCPRefusal {
        MCPRefusal(
            .badRequest,
            RPCError(.headerMismatch, "the header \(header) has to be there once, and to be what the body says"),
            id: id
        )
    }
}

extension Response {
    init(json: JSONValue, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: json.bytes))
    }

    /// In the era of sessions an error of the protocol is an answer like any other.
    init(rpc response: RPCResponse, _ version: ProtocolVersion) {
        self.init(json: response.json, version.era == .stateless ? MCPRefusal.status(of: response) : .ok)
    }
}
