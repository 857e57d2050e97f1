internal import NIOCore

/// An address of a host, without a port. One of IPv4 is the same value as its form within IPv6.
struct IPAddress: Sendable, Hashable {
    /// The first 64 bits of the address of IPv6.
    private(set) var high: UInt64
    private(set) var low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff_0000_0000

    /// Nil: of a unix socket.
    init?(_ address: SocketAddress) {
        switch address {
        // netinet/in.h: a port and what else there is come before the address, in the order of the network.
        case .v4(let address):
            high = 0
            low = withUnsafeBytes(of: address.address) { bytes in
                Self.mappedPrefix | UInt64(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
            }
        case .v6(let address):
            (high, low) = withUnsafeBytes(of: address.address) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                )
            }
        case .unixDomainSocket:
            return nil
        }
    }

    /// Nil: the text is no address.
    init?(_ text: String) {
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        self.init(address)
    }

    var isIPv4: Bool { high == 0 && low & ~0xffff_ffff == Self.mappedPrefix }

    /// All that one subscriber may have at once: an address of IPv4, 64 bits of IPv6.
    var subscriber: IPAddress {
        var network = self
        if !isIPv4 { network.low = 0 }
        return network
    }

    /// The first `length` bits; the others 0.
    func prefix(_ length: Int) -> IPAddress {
        var network = self
        network.high &= Self.mask(length)
        network.low &= Self.mask(length - 64)
        return network
    }

    private static func mask(_ length: Int) -> UInt64 {
        length <= 0 ? 0 : length >= 64 ? .max : ~(.max >> length)
    }
}

extension IPAddress: CustomStringConvertible {
    var description: String {
        guard !isIPv4 else {
            return [24, 16, 8, 0].map { "\(low >> UInt64($0) & 0xff)" }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { half in
            [48, 32, 16, 0].map { String(half >> UInt64($0) & 0xffff, radix: 16) }
        }
        return groups.joined(separator: ":")
    }
}

/// Addresses with the same beginning, as `10.0.0.0/8` or `2001:db8::/32`; without a length, one address.
package struct AddressRange: Sendable, Hashable {
    private let network: IPAddress
    private let length: Int

    /// Nil: the text is none, or has bits beyond its length.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        let offset = address.isIPv4 && !parts[0].contains(":") ? 96 : 0
        var length = 128
        if parts.count == 2 {
            guard let number = Int(parts[1]), (0...128 - offset).contains(number) else { return nil }
            length = offset + number
        }
        guard address.prefix(length) == address else { return nil }
        network = address
        self.length = length
    }

    func contains(_ address: IPAddress) -> Bool { address.prefix(length) == network }
}
