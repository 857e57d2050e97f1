/// What the calls of a run ask for.
enum LoadOperation: String, Codable, CaseIterable {
    case echo
    case read
    case write
    case stat
    /// A command, and what it writes: ``LoadSettings/command``.
    case exec

    /// Of its message in `ClientFrame`.
    var field: UInt64 {
        switch self {
        case .echo: 32
        case .read: 48
        case .write: 49
        case .stat: 51
        case .exec: 96
        }
    }

    /// Of the answer's message in `ServerFrame`.
    var answerField: UInt64 { self == .exec ? 98 : field }
    /// Of a message that comes before the answer; nil: none does.
    var announcementField: UInt64? { self == .exec ? 96 : nil }
    /// Of messages that come between, whose payloads are parts of an output; nil: none do.
    var outputField: UInt64? { self == .exec ? 97 : nil }

    var isOnFile: Bool {
        switch self {
        case .echo, .exec: false
        case .read, .write, .stat: true
        }
    }
    /// Whether the contents travel with the call.
    var sendsContents: Bool { self == .echo || self == .write }
    /// Whether the contents travel with the answer.
    var returnsContents: Bool { self == .echo || self == .read }
}
