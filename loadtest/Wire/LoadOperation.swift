/// What the calls of a run ask for.
enum LoadOperation: String, Codable, CaseIterable {
    case echo
    case read
    case write
    case stat

    /// Of its message in `ClientFrame`, and of the answer's in `ServerFrame`.
    var field: UInt64 {
        switch self {
        case .echo: 32
        case .read: 48
        case .write: 49
        case .stat: 51
        }
    }

    var isOnFile: Bool { self != .echo }
    /// Whether the contents travel with the call.
    var sendsContents: Bool { self == .echo || self == .write }
    /// Whether the contents travel with the answer.
    var returnsContents: Bool { self == .echo || self == .read }
}
