import AgentBackend
import Yams

/// Walks the nodes of a YAML file by the tables of what may stand in it, and collects everything that is wrong.
///
/// A value that is wrong leaves the default in its place, so that the rest of the file is still looked at.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationProblem] = []
    /// Where the value of each path that was met stands.
    private var positions: [String: ConfigurationProblem.Position] = [:]

    /// A file of nothing but mistakes need not be reported to its end.
    private static let mostProblems = 100

    mutating func report(_ message: String, at path: String, _ node: Node) {
        report(ConfigurationProblem(path: path, message: message, position: position(of: node)))
    }

    /// Adds what a look at the whole configuration found, each where its key stands or, for a key that is not in the
    /// file, what it belongs to: at the last, the file itself. Left out where something is wrong already: the
    /// value there is not what was written.
    mutating func report(whole problems: [ConfigurationProblem]) {
        let known = Set(self.problems.map(\.path))
        for var problem in problems {
            let places = sequence(first: problem.path, next: Self.parent)
            if places.contains(where: known.contains) { continue }
            problem.position = places.lazy.compactMap { positions[$0] }.first ?? positions[""]
            report(problem)
        }
    }

    /// `orgs[1]` of `orgs[1].name`, `orgs` of `orgs[1]`; nil for a key of the file itself.
    private static func parent(of path: String) -> String? {
        path.lastIndex { $0 == "." || $0 == "[" }.map { String(path[..<$0]) }
    }

    private mutating func report(_ problem: ConfigurationProblem) {
        guard problems.count < Self.mostProblems else { return }
        problems.append(problem)
    }

    /// Reads a mapping into `section`.
    mutating func read<Section>(
        _ node: Node,
        at path: String,
        into section: inout Section,
        by fields: [Field<Section>]
    ) {
        positions[path] = position(of: node)
        // A heading whose lines are all commented out.
        if node.isNull, !fields.contains(where: \.isRequired) { return }
        guard case .mapping(let mapping) = node else {
            report("\(node.kind) where a mapping must be, with keys of: \(keys(of: fields))", at: path, node)
            return
        }
        var met: Set<String> = []
        for (keyNode, value) in mapping {
            guard let key = readKey(keyNode, at: path, met: &met) else { continue }
            if let field = fields.first(where: { $0.key == key }) {
                field.read(value, path.isEmpty ? key : "\(path).\(key)", &section, &self)
            } else {
                let hint = NearMiss.hint(for: key, among: fields.map(\.key))
                report("unknown key \(quoted(key))\(hint); allowed: \(keys(of: fields))", at: path, keyNode)
            }
        }
        for field in fields where field.isRequired && !met.contains(field.key) {
            report("the key \"\(field.key)\" is missing", at: path, node)
        }
    }

    /// Reads a sequence, each element by `element`. nil, and a problem, for what is none or has a wrong element.
    mutating func readList<Element>(
        _ node: Node,
        at path: String,
        element: (Node, String, inout ConfigurationReader) -> Element?
    ) -> [Element]? {
        positions[path] = position(of: node)
        if node.isNull { return [] }
        guard case .sequence(let sequence) = node else {
            report("\(node.kind) where a list must be", at: path, node)
            return nil
        }
        let elements = sequence.enumerated().map { index, node in element(node, "\(path)[\(index)]", &self) }
        return elements.contains { $0 == nil } ? nil : elements.compactMap { $0 }
    }

    /// Reads one value. nil, and a problem, for what the format refuses.
    mutating func readValue<Value>(_ node: Node, at path: String, as format: ValueFormat<Value>) -> Value? {
        positions[path] = position(of: node)
        guard case .scalar(let scalar) = node, !node.isNull else {
            report("\(node.kind) where a value must be; allowed: \(format.allowed)", at: path, node)
            return nil
        }
        do {
            return try format.parse(scalar.string)
        } catch {
            let subject = format.isSecret ? "the value" : quoted(scalar.string)
            report("\(subject) \(error.message); allowed: \(format.allowed)", at: path, node)
            return nil
        }
    }

    /// Reads a mapping of variables, whose values may be any text and are never repeated in a message.
    mutating func readEnvironment(_ node: Node, at path: String) -> Environment {
        positions[path] = position(of: node)
        var environment = Environment()
        if node.isNull { return environment }
        guard case .mapping(let mapping) = node else {
            report("\(node.kind) where a mapping of variables to values must be", at: path, node)
            return environment
        }
        var met: Set<String> = []
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, at: path, met: &met) else { continue }
            guard case .scalar(let scalar) = value, !value.isNull else {
                report("\(value.kind) where a text must be; \"\" is the empty one", at: "\(path).\(name)", value)
                continue
            }
            do {
                try environment.set(Array(name.utf8), to: Array(scalar.string.utf8))
            } catch {
                report(error.message, at: "\(path).\(name)", keyNode)
            }
        }
        return environment
    }

    private mutating func readKey(_ node: Node, at path: String, met: inout Set<String>) -> String? {
        guard case .scalar(let scalar) = node else {
            report("\(node.kind) where a key must be", at: path, node)
            return nil
        }
        guard met.insert(scalar.string).inserted else {
            report("the key \(quoted(scalar.string)) is given twice", at: path, node)
            return nil
        }
        return scalar.string
    }

    private func position(of node: Node) -> ConfigurationProblem.Position? {
        node.mark.map { ConfigurationProblem.Position(line: $0.line, column: $0.column) }
    }

    private func keys<Section>(of fields: [Field<Section>]) -> String {
        fields.map(\.key).joined(separator: ", ")
    }

    /// The text in quotes, cut where it is long, without what would upset a terminal.
    private func quoted(_ text: String) -> String {
        let most = 40
        let shown = text.unicodeScalars.prefix(most).map { scalar in
            scalar.properties.generalCategory == .control ? "?" : String(scalar)
        }
        return "\"\(shown.joined())\(text.unicodeScalars.count > most ? "…" : "")\""
    }
}

extension Node {
    /// Nothing is written there, or `null` in one of its spellings, without quotes.
    fileprivate var isNull: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// What stands there, at the beginning of a sentence.
    fileprivate var kind: String {
        switch self {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .scalar: isNull ? "nothing" : "a single value"
        case .alias: "an alias"
        }
    }
}
