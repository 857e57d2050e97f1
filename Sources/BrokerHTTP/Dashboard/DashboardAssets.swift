internal import AgentBackend
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The files of the dashboard, which the broker's program holds. A value; safe to share.
struct DashboardAssets: Sendable {
    private struct Asset {
        let type: String
        let tag: String
        let bytes: ByteBuffer
    }

    private let assets: [String: Asset]

    /// Those of the program.
    static let embedded = DashboardAssets(dashboardFiles)

    /// `files`: by name, in base64.
    init(_ files: [(name: String, base64: StaticString)]) {
        var assets: [String: Asset] = [:]
        for (name, base64) in files {
            let text = base64.description
            guard let bytes = Base64.bytes(text) else { continue }
            let tag = Base64.text(TokenDigest(text).bytes.prefix(15))
            assets[name] = Asset(type: Self.type(of: name), tag: "\"\(tag)\"", bytes: ByteBuffer(bytes: bytes))
        }
        self.assets = assets
    }

    /// Nil: there is no such file. Who has it already is told so, as RFC 9110 has it.
    func response(_ name: String, to request: Request) -> Response? {
        guard let asset = assets[name] else { return nil }
        let headers: HTTPFields = [.contentType: asset.type, .cacheControl: "no-cache", .eTag: asset.tag]
        let known = request.headers[values: .ifNoneMatch].joined(separator: ",").split(separator: ",")
            .map { $0.filter { $0 != " " } }
        guard !known.contains(asset.tag), !known.contains("*") else {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: asset.bytes))
    }

    private static func type(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }
}
