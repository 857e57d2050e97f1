import AgentBackend
import Yams

/// One key of a mapping in the configuration file: what may stand there and which member it sets.
struct Field<Section>: Sendable {
    typealias Read = @Sendable (Node, _ path: String, inout Section, inout ConfigurationReader) -> Void
    typealias Compare = @Sendable (_ old: Section, _ new: Section, _ path: String) -> [ConfigurationDifference]
    typealias Member<Value> = any WritableKeyPath<Section, Value> & Sendable

    let key: String
    let isRequired: Bool
    let read: Read
    /// What of it differs between two values.
    let differences: Compare

    private init(_ key: String, isRequired: Bool = false, differences: @escaping Compare, read: @escaping Read) {
        self.key = key
        self.isRequired = isRequired
        self.read = read
        self.differences = differences
    }

    /// A member that is compared as a whole.
    private init<Value: Equatable & Sendable>(_ key: String, _ member: Member<Value>, read: @escaping Read) {
        self.init(key) { old, new, path in
            old[keyPath: member] == new[keyPath: member] ? [] : [ConfigurationDifference(path: path)]
        } read: {
            read($0, $1, &$2, &$3)
        }
    }

    /// The same key, which counts at the start of the broker alone.
    var fixed: Self {
        Self(key, isRequired: isRequired) { old, new, path in
            differences(old, new, path).map { ConfigurationDifference(path: $0.path, kind: $0.kind, isFixed: true) }
        } read: {
            read($0, $1, &$2, &$3)
        }
    }

    static func value<Value: Equatable & Sendable>(_ key: String, _ member: Member<Value>, _ format: ValueFormat<Value>)
        -> Self
    {
        Self(key, member) { node, path, section, reader in
            if let value = reader.readValue(node, at: path, as: format) { section[keyPath: member] = value }
        }
    }

    /// A value that has no default.
    static func required<Value: Equatable & Sendable>(
        _ key: String,
        _ member: Member<Value>,
        _ format: ValueFormat<Value>
    ) -> Self {
        let field = value(key, member, format)
        return Self(key, isRequired: true, differences: field.differences, read: field.read)
    }

    /// A value whose default is none.
    static func optional<Value: Equatable & Sendable>(
        _ key: String,
        _ member: Member<Value?>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key, member) { node, path, section, reader in
            if let value = reader.readValue(node, at: path, as: format) { section[keyPath: member] = value }
        }
    }

    /// A list of values, which may be empty.
    static func values<Value: Equatable & Sendable>(
        _ key: String,
        _ member: Member<[Value]>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key, member) { node, path, section, reader in
            let values = reader.readList(node, at: path) { node, path, reader in
                reader.readValue(node, at: path, as: format)
            }
            if let values { section[keyPath: member] = values }
        }
    }

    /// A list of values in place of what counts for all, also where it is empty.
    static func overridingValues<Value: Equatable & Sendable>(
        _ key: String,
        _ member: Member<[Value]?>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key, member) { node, path, section, reader in
            let values = reader.readList(node, at: path) { node, path, reader in
                reader.readValue(node, at: path, as: format)
            }
            if let values { section[keyPath: member] = values }
        }
    }

    /// A list of values whose default is none: an empty one would be taken for that, so it is refused.
    static func optionalValues<Value: Equatable & Sendable>(
        _ key: String,
        _ member: Member<[Value]?>,
        _ format: ValueFormat<Value>
    ) -> Self {
        Self(key, member) { node, path, section, reader in
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
        Self(key) { old, new, path in
            fields.differences(from: old[keyPath: member], to: new[keyPath: member], at: path)
        } read: { node, path, section, reader in
            reader.read(node, at: path, into: &section[keyPath: member], by: fields)
        }
    }

    /// A list of mappings, each beginning as `blank`. `name` tells which is which when two lists are compared.
    static func sections<Inner: Sendable>(
        _ key: String,
        _ member: Member<[Inner]>,
        _ fields: [Field<Inner>],
        blank: Inner,
        name: @escaping @Sendable (Inner) -> String
    ) -> Self {
        Self(key) { old, new, path in
            fields.differences(from: old[keyPath: member], to: new[keyPath: member], at: path, name: name)
        } read: { node, path, section, reader in
            let elements = reader.readList(node, at: path) { node, path, reader in
                var element = blank
                reader.read(node, at: path, into: &element, by: fields)
                return Optional(element)
            }
            if let elements { section[keyPath: member] = elements }
        }
    }

    static func environment(_ key: String, _ member: Member<Environment>) -> Self {
        Self(key, member) { node, path, section, reader in
            section[keyPath: member] = reader.readEnvironment(node, at: path)
        }
    }
}
