/// One key in which two configurations differ.
package struct ConfigurationDifference: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case changed, added, removed
    }

    /// As in the file, but that the elements of lists go by name: `orgs[acme].limits.max_entries`.
    package let path: String
    package let kind: Kind
    /// It cannot take effect while the broker runs.
    let isFixed: Bool

    init(path: String, kind: Kind = .changed, isFixed: Bool = false) {
        self.path = path
        self.kind = kind
        self.isFixed = isFixed
    }
}

extension ConfigurationDifference: CustomStringConvertible {
    /// `orgs[umbrella] added`
    package var description: String { "\(path) \(kind.rawValue)" }
}

extension BrokerConfiguration {
    /// In what another configuration differs from this one, in the order of the reference; elements of lists by name.
    package func differences(to other: BrokerConfiguration) -> [ConfigurationDifference] {
        Self.fields.differences(from: self, to: other, at: "")
    }
}

extension Array {
    /// Of two values of a section whose keys these are.
    func differences<Section>(
        from old: Section,
        to new: Section,
        at path: String
    ) -> [ConfigurationDifference] where Element == Field<Section> {
        flatMap { $0.differences(old, new, path.isEmpty ? $0.key : "\(path).\($0.key)") }
    }

    /// Of two lists of such sections. Their order does not count.
    func differences<Section>(
        from old: [Section],
        to new: [Section],
        at path: String,
        name: (Section) -> String
    ) -> [ConfigurationDifference] where Element == Field<Section> {
        let before = Dictionary(old.map { (name($0), $0) }) { first, _ in first }
        let after = Set(new.map(name))
        let changed = new.flatMap { element -> [ConfigurationDifference] in
            let place = "\(path)[\(name(element))]"
            guard let known = before[name(element)] else { return [ConfigurationDifference(path: place, kind: .added)] }
            return differences(from: known, to: element, at: place)
        }
        let removed = old.filter { !after.contains(name($0)) }.map {
            ConfigurationDifference(path: "\(path)[\(name($0))]", kind: .removed)
        }
        return changed + removed
    }
}
