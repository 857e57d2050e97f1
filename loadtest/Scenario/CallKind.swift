internal import AgentBackend

/// What a call of a scenario asks for.
enum CallKind: String, Codable, CaseIterable {
    case echo
    /// All of a file.
    case read
    /// All of a file, by its next version.
    case write
    /// The line of a file that names its version.
    case edit
    /// That line of all files of a key.
    case grep
    case stat
    /// The names of all files of a key.
    case list
    /// A command that looks into a file, as a test of an agent's would.
    case test
    /// The least that a command can do.
    case run
    /// All of a file that there is not, which has to be refused.
    case missing
    /// A command that waits: its time is the broker's, whatever the machine and the generator are like.
    case sleep

    /// Of its message in `ClientFrame`.
    var field: UInt64 {
        switch self {
        case .echo: 32
        case .read, .missing: 48
        case .write: 49
        case .edit: 60
        case .grep: 59
        case .stat: 51
        case .list: 50
        case .test, .run, .sleep: 96
        }
    }

    /// Of the message in `ServerFrame` that tells the outcome.
    var answerField: UInt64 { isCommand ? 98 : field }

    /// The only right answer of one that has to fail.
    var refusal: BackendError.Code? { self == .missing ? .readFailed : nil }

    var isCommand: Bool {
        switch self {
        case .test, .run, .sleep: true
        case .echo, .read, .write, .edit, .grep, .stat, .list, .missing: false
        }
    }
    /// Whether its answer tells it from others, and it works on no file.
    var isStamped: Bool { self == .echo || self == .run || self == .sleep }
    var isMutation: Bool { self == .write || self == .edit }
    /// Whether it needs files that were there before.
    var needsFiles: Bool { !isStamped && self != .missing && self != .write }

    /// Throws for a name that is none, and for weights that sum up to nothing.
    static func mix(_ named: [String: Double]) throws(LoadFailure) -> [CallKind: Double] {
        var mix: [CallKind: Double] = [:]
        for (name, weight) in named {
            guard let kind = CallKind(rawValue: name), weight >= 0 else {
                throw .settings("mix: \(name) \(weight): there are \(allCases.map(\.rawValue)), with weights from 0 on")
            }
            mix[kind] = weight
        }
        guard mix.values.reduce(0, +) > 0 else { throw .settings("mix: at least one kind of calls needs a weight") }
        return mix
    }

    static func named(_ mix: [CallKind: Double]) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: mix.map { ($0.key.rawValue, $0.value) })
    }
}
