/// JSON schemas of what tools take and give.
enum Schema {
    static func text(_ description: String? = nil) -> JSONValue { plain("string", description) }
    static func number(_ description: String? = nil) -> JSONValue { plain("number", description) }
    static func integer(_ description: String? = nil) -> JSONValue { plain("integer", description) }
    static func flag(_ description: String? = nil) -> JSONValue { plain("boolean", description) }

    static func list(_ elements: JSONValue, _ description: String? = nil) -> JSONValue {
        var schema = JSONObject()
        schema["type"] = "array"
        schema["items"] = elements
        schema["description"] = description.map { .string($0) }
        return .object(schema)
    }

    /// Members in their order; those that are not named in `optional` have to be there.
    static func object(
        _ members: KeyValuePairs<String, JSONValue>,
        optional: Set<String> = [],
        _ description: String? = nil
    ) -> JSONValue {
        var schema = JSONObject()
        schema["type"] = "object"
        schema["properties"] = .object(JSONObject(members.map { JSONObject.Member(name: $0.key, value: $0.value) }))
        let required = members.map(\.key).filter { !optional.contains($0) }
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        schema["description"] = description.map { .string($0) }
        return .object(schema)
    }

    /// Of a tool whose answer is a text.
    static let content = object(["content": text()])

    /// A path as arguments name it.
    static let path = text()

    private static func plain(_ type: String, _ description: String?) -> JSONValue {
        var schema = JSONObject()
        schema["type"] = .string(type)
        schema["description"] = description.map { .string($0) }
        return .object(schema)
    }
}

extension JSONValue {
    /// A schema with something added to it.
    func with(_ name: String, _ value: JSONValue) -> JSONValue {
        guard var object else { return self }
        object[name] = value
        return .object(object)
    }

    /// A schema of what is `value` where it is not given.
    func by(default value: JSONValue) -> JSONValue { with("default", value) }
}
