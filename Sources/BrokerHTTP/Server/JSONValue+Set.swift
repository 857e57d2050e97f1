internal import ModelContextProtocol

extension JSONValue {
    /// Gives an object a member. Nil: it is left out.
    mutating func set(_ name: String, _ value: JSONValue?) {
        guard let value, var object else { return }
        object[name] = value
        self = .object(object)
    }
}
