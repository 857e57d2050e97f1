package import AgentBackend

/// One thing that is wrong with a configuration.
package struct ConfigurationProblem: Error, Sendable, Hashable {
    /// The file, where there is one.
    package var file: String?
    /// Where in the file; lines and columns count from 1.
    package var position: Position?
    /// The key, such as `orgs[1].tokens[0].hash`. Empty for the file as a whole.
    package var path: String
    package var message: String

    package struct Position: Sendable, Hashable {
        package var line: Int
        package var column: Int
    }

    init(path: String, message: String, position: Position? = nil, file: String? = nil) {
        self.path = path
        self.message = message
        self.position = position
        self.file = file
    }
}

extension ConfigurationProblem: CustomStringConvertible {
    /// `broker.yaml:12:5: orgs[1].name: "a b" is no org name; allowed: …`
    package var description: String {
        var place = file ?? ""
        if let position { place += ":\(position.line):\(position.column)" }
        return [place, path, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}

extension BackendError {
    /// `INVALID_CONFIGURATION` with one line for each problem; nil for none.
    package init?(_ problems: [ConfigurationProblem]) {
        guard let first = problems.first else { return nil }
        guard problems.count > 1 else {
            self.init(.invalidConfiguration, message: first.description)
            return
        }
        let lines = problems.map { "\n  \($0)" }.joined()
        self.init(.invalidConfiguration, message: "\(problems.count) problems in the configuration:\(lines)")
    }
}
