public import AgentBackend

/// The number of an org, as who runs the pool gives it. One number means one org for as long as the process lives.
public typealias OrgID = UInt32

/// What the pool is keyed by: an org, a backend type and a name inside the org.
///
/// Two keys are equal when org, type and name are; a name is ASCII (``Name``), so that means its bytes. The org is part
/// of the key, so no look-up can answer with another org's entry. A key without a name ("keyless") is never looked up:
/// each acquire of one makes an entry of its own.
public struct PoolKey: Sendable {
    public let org: OrgID
    public let type: BackendType
    /// nil: keyless.
    public let name: String?

    /// `org` and `type` need no saying where a pool knows one only.
    public init(org: OrgID = 0, type: BackendType = .localFilesystem, name: String?) {
        self.org = org
        self.type = type
        self.name = name
    }
}

extension PoolKey: Hashable {
    /// Hashes bytes, without the Unicode normalisation that `String` does, and the type by a number, not by
    /// its raw string: this is the larger part of what a hit costs.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(org) << 8 | UInt64(type.ordinal))
        guard var name else { return }
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    public static func == (left: PoolKey, right: PoolKey) -> Bool {
        left.org == right.org && left.type == right.type && left.name == right.name
    }
}

extension BackendType {
    fileprivate var ordinal: UInt8 {
        switch self {
        case .localFilesystem: 0
        case .memory: 1
        case .remoteFilesystem: 2
        }
    }
}
