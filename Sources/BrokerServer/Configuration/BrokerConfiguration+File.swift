package import AgentBackend
import Glibc
import Yams

extension BrokerConfiguration {
    /// The defaults with what a YAML file says over them.
    ///
    /// Blocks: for the start and for a reload, not for an event loop. Throws `INVALID_CONFIGURATION` with
    /// everything that is wrong in the file, each with line, column, the path of the key and what is allowed.
    /// Two things end the reading at once and are reported alone: bad syntax, and a key twice in one mapping.
    ///
    /// - Parameters:
    ///   - defaults: What counts for keys that are not in the file.
    ///   - running: What the file said before, to a broker that runs: a key that counts at its start alone must not
    ///     differ.
    package static func load(
        from path: String,
        over defaults: BrokerConfiguration = BrokerConfiguration(),
        replacing running: BrokerConfiguration? = nil
    ) throws(BackendError) -> BrokerConfiguration {
        let bytes: [UInt8]?
        do {
            bytes = try SmallFile.read(path, atMost: largestFile)
        } catch {
            throw BackendError(
                .invalidConfiguration,
                reason: error.reason,
                systemErrno: error.errno,
                message: "cannot read the configuration \(path): \(error.summary)"
            )
        }
        guard let bytes else {
            throw BackendError(
                .invalidConfiguration,
                reason: .notFound,
                systemErrno: ENOENT,
                message: "there is no configuration \(path): create it, or name another with --config"
            )
        }
        var configuration = defaults
        let problems = configuration.apply(yaml: bytes, named: path, replacing: running) { $0.unusableTLSFiles() }
        if let error = BackendError(problems) { throw error }
        return configuration
    }

    /// Applies the text of a file and says everything that is wrong with it, in the order of the file. With
    /// problems the value is half applied and must not be used.
    ///
    /// - Parameter check: What else is wrong with it, such as with files that it names.
    package mutating func apply(
        yaml bytes: [UInt8],
        named file: String,
        replacing running: BrokerConfiguration? = nil,
        check: (BrokerConfiguration) -> [ConfigurationProblem] = { _ in [] }
    ) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem]
        do {
            var reader = ConfigurationReader()
            if let root = try Self.compose(bytes) {
                reader.read(root, at: "", into: &self, by: Self.fields)
            }
            reader.report(whole: contradictions() + check(self) + (running.map(obstacles(toReplacing:)) ?? []))
            problems = reader.problems
        } catch {
            problems = [error]
        }
        for index in problems.indices { problems[index].file = file }
        return problems.sorted { left, right in
            (left.position?.line ?? 0, left.position?.column ?? 0)
                < (right.position?.line ?? 0, right.position?.column ?? 0)
        }
    }

    /// What keeps a broker that runs by another configuration from going over to this one.
    private func obstacles(toReplacing running: BrokerConfiguration) -> [ConfigurationProblem] {
        var fixed = running.differences(to: self).filter(\.isFixed).map { difference in
            ConfigurationProblem(
                path: difference.path,
                message: "differs from what the broker was started with: restart it to change \(difference.path)"
            )
        }
        if (running.tls.certificate == nil) != (tls.certificate == nil) {
            fixed.append(
                ConfigurationProblem(
                    path: "tls.cert",
                    message: "the broker was started \(tls.certificate == nil ? "with" : "without") TLS: restart it to "
                        + "change that"
                )
            )
        }
        guard orgs.isEmpty, !running.orgs.isEmpty else { return fixed }
        return fixed + [
            ConfigurationProblem(
                path: "orgs",
                message: "there is none any more, and with none the broker serves another one: restart it for that"
            )
        ]
    }

    /// No configuration that a person writes is larger, and all of it is kept in memory more than once.
    private static let largestFile = 4 << 20

    private static func compose(_ bytes: [UInt8]) throws(ConfigurationProblem) -> Node? {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let line = 1 + bytes.prefix(validPrefix(of: bytes)).count { $0 == UInt8(ascii: "\n") }
            throw ConfigurationProblem(
                path: "",
                message: "is not UTF-8: save it as such",
                position: ConfigurationProblem.Position(line: line, column: 1)
            )
        }
        do {
            return try Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw ConfigurationProblem(error)
        } catch {
            throw ConfigurationProblem(path: "", message: "cannot be read as YAML: \(error)")
        }
    }

    /// How many of the bytes are UTF-8 up to the first that is not.
    private static func validPrefix(of bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var length = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { length += UTF8.width(scalar) }
        return length
    }
}

extension ConfigurationProblem {
    fileprivate init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { ", \($0.text) of line \($0.mark.line)" } ?? ""
            self.init(path: "", message: "is not YAML: \(problem)\(context)", position: Position(mark))
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
            self.init(
                path: "",
                message: "given more than once in one mapping: \(names); the first is here",
                position: Position(context.mark)
            )
        case .reader(let problem, let offset, _, let text):
            let before = text.prefix(offset ?? 0)
            let line = 1 + before.count { $0.isNewline }
            self.init(path: "", message: "is not YAML: \(problem)", position: Position(line: line, column: 1))
        default:
            self.init(path: "", message: "cannot be read as YAML: \(error)")
        }
    }
}

extension ConfigurationProblem.Position {
    fileprivate init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }
}
