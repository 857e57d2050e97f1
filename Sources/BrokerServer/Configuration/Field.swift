import AgentBackend
import Yams

/// One key of a mapping in the configuration file: what may stand there and which member it sets.
struct Field<Section>: Sendable {
    typealias Read = @Sendable (Node, _ path: String, inout Section, inout ConfigurationReader) -> Void
    typealias Member<Value> = any WritableKeyPath<Section, Value> & Sendable

    let key: String
    let isRequired: Bool
    let read: Read

    private init(_ key: String, isRequired: Bool = false, read: @escaping Read) {
        self.key = key
        self.isRequired = isRequired
        self.read = read
    }

    static func value<Value>(_ key: String, _ member: Member<Value>, _ format: ValueFormat<Value>) -> Self {
        Self(key) { node, path, section, reader in
            if let value = reader.readValue(node, at: path, as: format) { section[keyPath: member] = value }
        }
    }

    /// A value that has no default.
    static func required<Value>(_ key: String, _ member: Member<Value>, _ format: ValueFormat<Value>) -> Self {
        let field = value(key, member, format)
        return Self(key, isRequired: true, read: field.read)
    }

    /// A value whose default is none.
    static func optional<Value>(_ key: String, _ member: Member<Value?>, _ format: ValueFormat<Value>) -> Self {
        Self(key) { node, path, section, reader in
            if let value = reader.readValue(node, at: path, as: format) { section[keyPath: member] = value }
        }
    }

    /// A list of values, which may be empty.
    static func values<Value>(_ key: String, _ member: Member<[Value]>, _ format: ValueFormat<Value>) -> Self {
        Self(key) { node, path, section, reader in
            let values = reader.readList(node, at: path) { node, path, reader in
                reader.readValue(node, at: path, as: format)
            }
            if let values { section[keyPath: member] = values }
        }
    }

    /// A list of values in place of what counts for all, also where it is empty.
    static func overridingValues<Value>(
        _ key: String,
        _ member: Member<[Value]?>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key) { node, path, section, reader in
            let values = reader.readList(node, at: path) { node, path, reader in
                reader.readValue(node, at: path, as: format)
            }
            if let values { section[keyPath: member] = values }
        }
    }

    /// A list of values whose default is none: an empty one would be taken for that, so it is refused.
    static func optionalValues<Value>(
        _ key: String,
        _ member: Member<[Value]?>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key) { node, path, section, reader in
            let values = reader.readList(node, at: path) { node, path, reader in
                reader.readValue(node, at: path, as: format)
            }
            guard let values else { return }
            section[keyPath: member] = values
            if values.isEmpty {
                reader.report("an empty list: leave the key out, or list \(format.allowed)", at: path, node)
            }
        }
    }

    static func section<Inner>(_ key: String, _ member: Member<Inner>, _ fields: [Field<Inner>]) -> Self {
        Self(key) { node, path, section, reader in
            reader.read(node, at: path, into: &section[keyPath: member], by: fields)
        }
    }

    /// A list of mappings, each beginning as `blank`.
    static func sections<Inner: Sendable>(
        _ key: String,
        _ member: Member<[Inner]>,
        _ fields: [Field<Inner>],
        blank: Inner
    ) -> Self {
        Self(key) { node, path, section, reader in
            let elements = reader.readList(node, at: path) { node, path, reader in
                var element = blank
                reader.read(node, at: path, into: &element, by: fields)
                return Optional(element)
            }
            if let elements { section[keyPath: member] = elements }
        }
    }

    static func environment(_ key: String, _ member: Member<Environment>) -> Self {
        Self(key) { node, path, section, reader in
            section[keyPath: member] = reader.readEnvironment(node, at: path)
        }
    }
}
