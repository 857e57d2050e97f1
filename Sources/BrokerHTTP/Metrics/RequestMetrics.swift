internal import CoreMetrics
internal import HTTPTypes
internal import Hummingbird

/// Requests of the side port, as swift-metrics counts them. Safe to use from any thread.
struct RequestMetrics: Sendable {
    private let factory: any MetricsFactory

    init(_ factory: any MetricsFactory) {
        self.factory = factory
    }

    /// What the names mean, as Prometheus sees them.
    static let help = [
        "agent_broker_http_requests_total": "Requests of the side port that were answered.",
        "agent_broker_http_request_duration_seconds": "Time to the head of the answer.",
    ]

    /// Answers a request by `respond`, and counts it.
    func counting(
        _ request: Request,
        _ respond: () async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let route = Self.route(request.uri.path)
        do {
            let response = try await respond()
            count(route, request.method, response.status.code, since: start)
            return response
        } catch {
            count(route, request.method, (error as? any HTTPResponseError)?.status.code ?? 500, since: start)
            throw error
        }
    }

    private func count(
        _ route: String,
        _ method: HTTPRequest.Method,
        _ status: Int,
        since start: ContinuousClock.Instant
    ) {
        Counter(
            label: "agent_broker_http_requests",
            dimensions: [("route", route), ("method", Self.name(method)), ("code", "\(status)")],
            factory: factory
        ).increment()
        let nanoseconds = Int64(clamping: Int(start.duration(to: .now) / .nanoseconds(1)))
        Timer(label: "agent_broker_http_request_duration", dimensions: [("route", route)], factory: factory)
            .recordNanoseconds(nanoseconds)
    }

    /// The first part of a path that there is: what comes after it, and what there is not, is the client's to choose.
    private static func route(_ path: String) -> String {
        let first = "/" + path.dropFirst().prefix { $0 != "/" }
        return routes.contains(first) ? first : "other"
    }

    private static let routes: Set = ["/", "/api", "/dashboard", "/healthz", "/mcp", "/metrics", "/readyz"]

    private static func name(_ method: HTTPRequest.Method) -> String {
        [.get, .head, .post, .delete, .put, .options].contains(method) ? method.rawValue : "other"
    }
}
