internal import NIOSSL

/// The name by which a client knows a broker, and whether a certificate is for it.
///
/// NIOSSL also takes a certificate for the address that the name led to, which whoever forges an answer of DNS may have
/// one for.
struct ServerName: Sendable, Hashable {
    let text: String

    /// `certificate` passed NIOSSL: one without alternative names has the name in its subject.
    func isCovered(by certificate: NIOSSLCertificate) -> Bool {
        let names = certificate._subjectAlternativeNames()
        return names.isEmpty || names.contains { $0.nameType == .dnsName && isCovered(by: Array($0.contents)) }
    }

    /// By a name of a certificate: the same one, or `*.` in place of the first label.
    func isCovered(by certified: [UInt8]) -> Bool {
        let name = Self.normalized(Array(text.utf8))
        let certified = Self.normalized(certified)
        guard certified.starts(with: [UInt8(ascii: "*"), UInt8(ascii: ".")]) else { return name == certified }
        guard let period = name.firstIndex(of: UInt8(ascii: ".")), period > 0 else { return false }
        return name[period...] == certified.dropFirst()
    }

    /// Without a period at the end; the case of ASCII makes no difference.
    private static func normalized(_ name: [UInt8]) -> [UInt8] {
        let lowered = name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return lowered.last == UInt8(ascii: ".") ? lowered.dropLast() : lowered
    }
}
