/// A TCP address as it is written: `HOST:PORT`, an IPv6 host in brackets.
package struct TCPAddress: Sendable, Hashable {
    /// A name or an address, without brackets.
    package var host: String
    /// 0 lets the kernel choose where to listen.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil for what is no such address.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Without brackets it is not clear which colon ends the host.
            return nil
        }
        let isGraphic = host.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard !host.isEmpty, isGraphic, !host.contains("["), !host.contains("]") else { return nil }
        self.init(host: String(host), port: port)
    }
}

extension TCPAddress: CustomStringConvertible {
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
