internal import HTTPTypes
internal import Hummingbird

extension HTTPField.Name {
    fileprivate static let csrfToken = Self("X-CSRF-Token")
    fileprivate static let referrerPolicy = Self("Referrer-Policy")
    fileprivate static let openerPolicy = Self("Cross-Origin-Opener-Policy")
}

/// What a request of the dashboard's page says in its headers, and what its answers do.
enum DashboardHeaders {
    /// Cookies know hosts and no ports: two brokers of one host would log each other's pages out.
    private static func cookieName(_ request: Request) -> String {
        let port = (request.head.authority ?? "").split(separator: ":").last.flatMap { UInt16($0) }
        return "agent_broker_session" + (port.map { "_\($0)" } ?? "")
    }

    /// That the cookie names; nil: there is none, or more than one.
    static func session(_ request: Request) -> String? {
        let name = cookieName(request)
        let found = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }.compactMap { pair in
            let pair = pair.drop { $0 == " " }
            return pair.hasPrefix("\(name)=") ? String(pair.dropFirst(name.count + 1)) : nil
        }
        return found.count == 1 ? found[0] : nil
    }

    /// For the answer to a request.
    static func cookie(_ session: String, _ request: Request, isSecure: Bool) -> String {
        "\(cookieName(request))=\(session); HttpOnly; SameSite=Strict; Path=/" + (isSecure ? "; Secure" : "")
    }

    static func noCookie(_ request: Request, isSecure: Bool) -> String {
        "\(cookie("", request, isSecure: isSecure)); Max-Age=0"
    }

    /// That a page of this address asks, or one of an origin that may. A browser says where a page is from with whatever
    /// changes something.
    static func checkOrigin(_ request: Request, allowing allowed: [String]) throws(DashboardRefusal) {
        let given = request.headers[values: .origin].map { $0.lowercased() }
        guard given.count == 1, let host = request.head.authority?.lowercased(), !host.isEmpty else { throw .origin }
        guard ["http://\(host)", "https://\(host)"].contains(given[0]) || allowed.contains(given[0]) else {
            throw .origin
        }
    }

    /// That it was asked by who holds the session's secret, and not by somebody whose browser adds the cookie.
    static func checkForgery(_ request: Request, _ secret: String) throws(DashboardRefusal) {
        guard let name = HTTPField.Name.csrfToken else { throw .forgery }
        let given = request.headers[values: name]
        // As digests: how long it takes tells nobody how far a guess was right.
        guard given.count == 1, TokenDigest(given[0]) == TokenDigest(secret) else { throw .forgery }
    }

    /// With what keeps a browser from loading, embedding or guessing anything.
    static func secure(_ response: Response) -> Response {
        var response = response
        response.headers[.contentSecurityPolicy] = """
            default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
            form-action 'self'; base-uri 'none'; frame-ancestors 'none'
            """
        response.headers[.xContentTypeOptions] = "nosniff"
        if let name = HTTPField.Name.referrerPolicy { response.headers[name] = "no-referrer" }
        if let name = HTTPField.Name.openerPolicy { response.headers[name] = "same-origin" }
        return response
    }
}
