/// A revision of the protocol that is spoken here. The raw values are its names on the wire.
package enum ProtocolVersion: String, Sendable, CaseIterable {
    case november2024 = "2024-11-05"
    case march2025 = "2025-03-26"
    case june2025 = "2025-06-18"
    case november2025 = "2025-11-25"
    case july2026 = "2026-07-28"

    package enum Era: Sendable {
        /// A conversation begins with `initialize`, and has a session.
        case handshake
        /// Each request says for itself all that there is to know.
        case stateless
    }

    package var era: Era { self == .july2026 ? .stateless : .handshake }

    /// What a client is offered that asks for what is not known.
    package static let newestOfHandshake = ProtocolVersion.november2025
    /// What a client speaks that does not say.
    package static let assumed = ProtocolVersion.march2025

    package static let stateless = allCases.filter { $0.era == .stateless }
}
