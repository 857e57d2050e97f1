import BrokerTestKit
import ModelContextProtocol
import NIOCore

/// A page of the dashboard at a broker of a test's own, as its browser speaks. For one task.
struct DashboardPage {
    let port: Int
    private(set) var cookie: String?
    private(set) var secret: String?

    init(_ broker: InProcessBroker) {
        port = broker.httpPort
    }

    /// One that has logged in.
    init(_ broker: InProcessBroker, token: String) async throws {
        self.init(broker)
        try await logIn(token)
    }

    @discardableResult
    mutating func logIn(_ token: String) async throws -> HTTPPeer.Reply {
        let reply = try await send("POST", "/api/session", #"{"token":"\#(token)"}"#)
        cookie = reply.headers["set-cookie"].flatMap { $0.split(separator: ";").first.map(String.init) }
        secret = reply.json["csrf"]?.text
        return reply
    }

    /// A request as it travels. `nil` among `headers`: the page's own header of that name is left out.
    func text(
        _ method: String,
        _ path: String,
        _ body: String = "",
        headers: [String: String?] = [:]
    ) -> String {
        var all: [String: String?] = ["Host": "127.0.0.1:\(port)", "Content-Length": "\(body.utf8.count)"]
        if let cookie { all["Cookie"] = cookie }
        if method != "GET" {
            all["Origin"] = "http://127.0.0.1:\(port)"
            all["Content-Type"] = "application/json"
            if let secret { all["X-CSRF-Token"] = secret }
        }
        for (name, value) in headers { all[name] = .some(value) }
        let lines = all.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }
        return "\(method) \(path) HTTP/1.1\r\n\(lines.joined())\r\n\(body)"
    }

    /// One exchange on a connection of its own.
    @discardableResult
    func send(
        _ method: String,
        _ path: String,
        _ body: String = "",
        headers: [String: String?] = [:]
    ) async throws -> HTTPPeer.Reply {
        try await withPeer { peer in
            try await peer.send(text(method, path, body, headers: headers))
            return try await peer.reply()
        }
    }

    /// Reads an answer that goes on, while `body` runs.
    func stream<Value>(_ path: String, _ body: (HTTPPeer, HTTPPeer.Reply) async throws -> Value) async throws -> Value {
        try await withPeer { peer in
            try await peer.send(text("GET", path))
            return try await body(peer, try await peer.head())
        }
    }

    private func withPeer<Value>(_ body: (HTTPPeer) async throws -> Value) async throws -> Value {
        let peer = try await HTTPPeer.connect(port: port)
        do {
            let value = try await body(peer)
            await peer.close()
            return value
        } catch {
            await peer.close()
            throw error
        }
    }
}

extension HTTPPeer {
    /// The data of the next event of this name; others are passed over. Nil: there are no more.
    func event(named name: String) async throws -> JSONValue? {
        while let event = try await namedEvent() {
            if event.name == name { return try JSONParser.parse(ByteBuffer(string: event.data)) }
        }
        return nil
    }
}
