internal import AgentBackend
internal import HTTPTypes

/// What a request of the dashboard's addresses asks for. A value.
enum DashboardRoute: Sendable, Hashable {
    case asset(String)
    case logIn
    case session
    case logOut
    case events
    case audit
    case output(Command)
    case kill(Command)
    case destroy(org: String, key: String)
    case drain

    /// A command, and where it says that it runs.
    struct Command: Sendable, Hashable {
        let org: String
        /// Empty: of an entry without one.
        let key: String
        let number: UInt64
    }

    var changesSomething: Bool {
        switch self {
        case .asset, .session, .events, .audit, .output: false
        case .logIn, .logOut, .kill, .destroy, .drain: true
        }
    }

    /// Throws `NOT_FOUND` for what is none, and `INVALID_ARGUMENT` for names that are none; see ``PathName``.
    init(_ method: HTTPRequest.Method, path: String) throws(BackendError) {
        let names = path.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch (method, names.first.map(String.init), names.count) {
        case (.get, "", 1), (.head, "", 1): self = .asset("index.html")
        case (.get, "dashboard", 2), (.head, "dashboard", 2):
            self = .asset(String(decoding: try PathName.decoded(names.last ?? ""), as: UTF8.self))
        case (_, "api", 2...): self = try Self.api(method, Array(names.dropFirst()))
        default: throw Self.notFound
        }
    }

    private static func api(_ method: HTTPRequest.Method, _ names: [Substring]) throws(BackendError) -> Self {
        switch (method, names.count, names.first, names.last) {
        case (.post, 1, "session", _): return .logIn
        case (.get, 1, "session", _): return .session
        case (.delete, 1, "session", _): return .logOut
        case (.get, 1, "events", _): return .events
        case (.get, 1, "audit", _): return .audit
        case (.post, 1, "drain", _): return .drain
        case (.post, 5, "orgs", "destroy") where names[2] == "keys":
            return .destroy(org: try name(names[1], kind: "org"), key: try name(names[3], kind: "key"))
        case (_, 7, "orgs", _) where names[2] == "keys" && names[4] == "execs":
            let org = try name(names[1], kind: "org")
            // An entry without a key runs commands as well.
            let key = names[3].isEmpty ? "" : try name(names[3], kind: "key")
            guard let number = UInt64(names[5]) else { throw notFound }
            let command = Command(org: org, key: key, number: number)
            switch (method, names[6]) {
            case (.post, "kill"): return .kill(command)
            case (.get, "output"): return .output(command)
            default: throw notFound
            }
        default: throw notFound
        }
    }

    private static func name(_ text: Substring, kind: String) throws(BackendError) -> String {
        let name = String(decoding: try PathName.decoded(text), as: UTF8.self)
        try Name.validate(name, kind: kind)
        return name
    }

    private static let notFound = BackendError(
        .notFound,
        reason: .notFound,
        message: "there is nothing at this address, or not for this method"
    )
}
