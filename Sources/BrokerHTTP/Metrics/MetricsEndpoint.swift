internal import AgentBackend
internal import BrokerServer
internal import Hummingbird
internal import NIOCore
internal import PrometheusMetrics

/// What Prometheus scrapes. Safe to use from any thread.
///
/// All of it goes to an operator's token, to the one of `http.metrics_token_hash`, and where that is configured to whoever
/// comes from the loopback. The token of an org gets the series of that org.
struct MetricsEndpoint: Sendable {
    let broker: BrokerAccess
    let links: BrokerLinks
    let factory: PrometheusMetricsFactory

    private enum Reader {
        case everything
        case org(Org)
    }

    func get(_ request: Request, on connection: HTTPConnection) async -> Response {
        do throws(BackendError) {
            let text = PrometheusText.render(families(for: try await reader(request, connection)))
            return Response(
                status: .ok,
                headers: [.contentType: PrometheusText.contentType, .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text))
            )
        } catch {
            return Response(refusing: error)
        }
    }

    private func reader(_ request: Request, _ connection: HTTPConnection) async throws(BackendError) -> Reader {
        let settings = broker.configuration().http
        if settings.metricsOnLoopback, connection.isFromThisHost { return .everything }
        guard let token = try? MCPHeaders.token(request) else { throw Self.noToken }
        if settings.metricsTokenHash?.matches(TokenHash(of: Array(token.utf8))) ?? false { return .everything }
        // The wire makes those wait who guess, and counts them.
        let use = try await links.use(token, for: connection.remoteAddress)
        defer { withExtendedLifetime(use) {} }
        let principal = try broker.principal(token)
        // No call of the wire is made for it. Whoever reads without a token, or with that of the configuration, is no org's.
        await broker.countCall(principal.org)
        return principal.isOperator ? .everything : .org(principal.org)
    }

    private func families(for reader: Reader) -> [MetricFamily] {
        switch reader {
        case .everything:
            let metrics = broker.metrics()
            let orgs = OrgFamilies(metrics.orgs, maximum: broker.configuration().http.metricsMaxOrgs)
            return BrokerFamilies(metrics).all + orgs.all + factory.families
        case .org(let org):
            return OrgFamilies([broker.orgMetrics(org)], maximum: .max).all
        }
    }

    private static let noToken = BackendError(
        .authFailed,
        message: "give an operator's token, or the one of http.metrics_token_hash: Authorization: Bearer ab_…"
    )
}

extension Response {
    /// For whoever asks for plain text.
    fileprivate init(refusing error: BackendError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .authFailed: .unauthorized
            case .permissionDenied: .forbidden
            default: .serviceUnavailable
            }
        self.init(plain: "\(error.code): \(error.message)", status)
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    }
}

extension HTTPConnection {
    /// Its address is one of the loopback.
    fileprivate var isFromThisHost: Bool {
        guard let address = remoteAddress?.ipAddress else { return false }
        return address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}
