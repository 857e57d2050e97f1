/// Variables of a command's environment. Names and values are bytes, as the kernel's are.
///
/// Built up from the outermost layer in: org, entry, scope, call; a later one wins. Keeps the order in which
/// names first appeared, so that the same layers give the same environment.
public struct Environment: Sendable, Hashable {
    public struct Variable: Sendable, Hashable {
        public var name: [UInt8]
        public var value: [UInt8]
    }

    public private(set) var variables: [Variable] = []
    /// Where in `variables` a name is: a peer may send very many.
    private var indices: [[UInt8]: Int] = [:]

    public init() {}

    public init(_ pairs: KeyValuePairs<String, String>) throws(BackendError) {
        for (name, value) in pairs {
            try set(Array(name.utf8), to: Array(value.utf8))
        }
    }

    /// Throws `INVALID_ARGUMENT` for a name that is empty or holds '=' or NUL, or a value that holds NUL.
    public mutating func set(_ name: [UInt8], to value: [UInt8]) throws(BackendError) {
        guard !name.isEmpty, !name.contains(UInt8(ascii: "=")), !name.contains(0), !value.contains(0) else {
            throw BackendError(
                .invalidArgument,
                message: "an environment variable has an empty name, '=' in its name or a NUL: correct it"
            )
        }
        put(Variable(name: name, value: value))
    }

    /// These variables with `other`'s over them.
    public func merging(_ other: Environment) -> Environment {
        guard !other.variables.isEmpty else { return self }
        guard !variables.isEmpty else { return other }
        var merged = self
        for variable in other.variables { merged.put(variable) }
        return merged
    }

    public var isEmpty: Bool { variables.isEmpty }

    private mutating func put(_ variable: Variable) {
        if let index = indices[variable.name] {
            variables[index].value = variable.value
        } else {
            indices[variable.name] = variables.count
            variables.append(variable)
        }
    }
}
