internal import ModelContextProtocol

extension JSONValue {
    /// Gives an object a member. Nil: it has none of that name then.
    mutating func set(_ name: String, _ value: JSONValue?) {
        guard var object else { return }
        object[name] = value
        self = .object(object)
    }
}
