internal import AgentBackend
internal import HTTPTypes
internal import Hummingbird
internal import ModelContextProtocol

/// Why the dashboard's page did not get what it asked for: a status of HTTP, and what to do, for people.
struct DashboardRefusal: Error {
    private let status: HTTPResponse.Status
    private let reason: String
    private let message: String
    private var headers: HTTPFields = [:]

    private init(_ status: HTTPResponse.Status, _ code: BackendError.Code, _ message: String) {
        self.status = status
        reason = "\(code)"
        self.message = message
    }

    /// What the broker refused, or this before it.
    init(_ error: BackendError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .authFailed: .unauthorized
            case .permissionDenied: .forbidden
            case .invalidArgument: .badRequest
            case .notFound: .notFound
            case .conflict: .conflict
            case .resourceExhausted: .tooManyRequests
            // The session's connection to the broker is gone, and the session with it.
            case .connectionClosed: .unauthorized
            case .shuttingDown: .serviceUnavailable
            default: .internalServerError
            }
        self.init(status, error.code, error.message)
        if status == .tooManyRequests || status == .serviceUnavailable {
            let seconds = max(1, (error.retryAfter ?? .seconds(1)).inMilliseconds / 1000)
            headers[.retryAfter] = "\(seconds)"
        }
    }

    /// What is wrong with a request's body.
    init(_ failure: BodyFailure) {
        switch failure {
        case .tooLarge(let maximum):
            self.init(.contentTooLarge, .invalidArgument, "a request has \(maximum) bytes at most")
            headers[.connection] = "close"
        case .tooMany:
            self.init(.serviceUnavailable, .resourceExhausted, "too many requests are on their way: try again later")
        case .tooLate:
            self.init(.requestTimeout, .deadlineExceeded, "the request took too long to arrive")
            headers[.connection] = "close"
        case .broken:
            self.init(.badRequest, .invalidArgument, "the request did not arrive as a whole")
            headers[.connection] = "close"
        }
    }

    var response: Response {
        let error: JSONValue = ["reason": .string(reason), "message": .string(message)]
        return Response(json: ["error": error], status, headers: headers)
    }

    static let noSession = DashboardRefusal(
        .unauthorized,
        .authFailed,
        "there is no session, or it has ended: log in with a token"
    )
    static let origin = DashboardRefusal(
        .forbidden,
        .permissionDenied,
        "only the dashboard's own pages may ask for this: their Origin is not this address"
    )
    static let forgery = DashboardRefusal(
        .forbidden,
        .permissionDenied,
        "the header X-CSRF-Token is not that of the session: load the page anew"
    )
    static let notFound = DashboardRefusal(.notFound, .notFound, "there is nothing at this address")
    static let malformed = DashboardRefusal(
        .badRequest,
        .invalidArgument,
        #"the body is not what belongs here: send {"token":"ab_…"} as application/json"#
    )
    static let draining = DashboardRefusal(
        BackendError(.shuttingDown, message: "the broker ends, and begins nothing new: connect to another one")
    )
}
