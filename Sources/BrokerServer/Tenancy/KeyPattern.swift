import AgentBackend

/// The keys that a token is narrowed to: one key, or all that begin alike.
package enum KeyPattern: Sendable, Hashable {
    case exactly(String)
    case beginningWith(String)

    /// `ci`, `ci-*`, or `*` for all. nil for what could be no key, or where `*` is not at the end.
    package init?(_ text: String) {
        guard text.hasSuffix("*") else {
            guard Name.isValid(text.utf8) else { return nil }
            self = .exactly(text)
            return
        }
        let beginning = String(text.dropLast())
        guard beginning.isEmpty || Name.isValid(beginning.utf8) else { return nil }
        self = .beginningWith(beginning)
    }

    /// Compares bytes, as names are compared.
    package func matches(_ key: String) -> Bool {
        switch self {
        case .exactly(let name): key.utf8.elementsEqual(name.utf8)
        case .beginningWith(let beginning): key.utf8.starts(with: beginning.utf8)
        }
    }
}

extension KeyPattern: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exactly(let key): key
        case .beginningWith(let beginning): "\(beginning)*"
        }
    }
}
