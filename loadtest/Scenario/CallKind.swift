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

    /// Of its message in `ClientFrame`.
    var field: UInt64 {
        switch self {
        case .echo: 32
        case .read: 48
        case .write: 49
        case .edit: 60
        case .grep: 59
        case .stat: 51
        case .list: 50
        case .test, .run: 96
        }
    }

    /// Of the message in `ServerFrame` that tells the outcome.
    var answerField: UInt64 { isCommand ? 98 : field }

    var isCommand: Bool { self == .test || self == .run }
    var isMutation: Bool { self == .write || self == .edit }
    /// Whether it needs files that were there before.
    var needsFiles: Bool { self != .echo && self != .run && self != .write }

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
