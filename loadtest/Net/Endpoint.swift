internal import Glibc

/// Where a server listens: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
enum Endpoint: Hashable {
    case internet(host: String, port: UInt16)
    case unix(path: String)

    /// Nil for what is none of the three forms.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty, path.utf8.count < Self.unixPathCapacity else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self = .internet(host: String(host), port: port)
    }

    /// Looks the name up and lends the first address of it. The pointer is good inside `body` only.
    func withSocketAddress<Result>(
        _ body: (_ family: Int32, UnsafePointer<sockaddr>, socklen_t) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        switch self {
        case .internet(let host, let port):
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let status = getaddrinfo(host, String(port), &hints, &list)
            guard status == 0, let entry = list?.pointee, let address = entry.ai_addr else {
                throw .connection("\(self): \(String(cString: gai_strerror(status)))")
            }
            defer { freeaddrinfo(list) }
            return try body(entry.ai_family, address, entry.ai_addrlen)
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            return try withUnsafePointer(to: address) { (pointer) throws(LoadFailure) in
                try body(AF_UNIX, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
            }
        }
    }

    /// Bytes of `sun_path`, with the NUL that ends it.
    private static let unixPathCapacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
}

extension Endpoint: CustomStringConvertible {
    var description: String {
        switch self {
        case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
