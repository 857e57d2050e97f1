internal import AgentBackend

/// Which sandboxes are kept ready without a workspace, so that the first command of the next one need not wait for
/// bubblewrap: one of each kind that is in use, and no more than a maximum in all. No lock.
///
/// Nothing has run in a spare sandbox, and only who would have had one made just like it gets it.
struct SpareSandboxes<Sandbox: AnyObject & Sendable> {
    struct Kind: Hashable {
        let tenant: String
        let identity: HostIdentity?
        let limits: SandboxLimits
    }

    enum Taking {
        case none
        /// One is being made: to be asked for again then.
        case wait(Completion<Void>)
        case spare(Sandbox)
    }

    private enum Spare {
        case making(Completion<Void>)
        case ready(Sandbox)
    }

    private let maximum: Int
    private var spares: [Kind: Spare] = [:]
    /// With a workspace.
    private var used: [ObjectIdentifier: Kind] = [:]
    private var usedOfKind: [Kind: Int] = [:]

    /// - Parameter maximum: 0 for none ever.
    init(maximum: Int) {
        self.maximum = maximum
    }

    /// The spare one of this kind, which is none any more.
    mutating func take(_ kind: Kind) -> Taking {
        switch spares[kind] {
        case .making(let completion):
            return .wait(completion)
        case .ready(let sandbox):
            spares[kind] = nil
            return .spare(sandbox)
        case nil:
            return .none
        }
    }

    /// A sandbox has got its workspace. Returns whether a spare one is to be made now.
    mutating func use(_ sandbox: Sandbox, _ kind: Kind) -> Bool {
        used[ObjectIdentifier(sandbox)] = kind
        usedOfKind[kind, default: 0] += 1
        guard spares[kind] == nil, spares.count < maximum else { return false }
        spares[kind] = .making(Completion())
        return true
    }

    /// One was made as ``use(_:_:)`` said; nil if that failed. Returns it where nobody would use it any more.
    mutating func made(_ sandbox: Sandbox?, _ kind: Kind) -> Sandbox? {
        guard case .making(let completion) = spares.removeValue(forKey: kind) else { return sandbox }
        defer { completion.fulfil(()) }
        guard let sandbox, usedOfKind[kind] != nil else { return sandbox }
        spares[kind] = .ready(sandbox)
        return nil
    }

    /// One has ended. Returns a spare one that nobody would use any more.
    mutating func ended(_ sandbox: Sandbox) -> Sandbox? {
        guard let kind = used.removeValue(forKey: ObjectIdentifier(sandbox)) else {
            for (kind, spare) in spares {
                if case .ready(let spare) = spare, spare === sandbox { spares[kind] = nil }
            }
            return nil
        }
        let left = (usedOfKind[kind] ?? 0) - 1
        usedOfKind[kind] = left > 0 ? left : nil
        guard left <= 0, case .ready(let spare) = spares[kind] else { return nil }
        spares[kind] = nil
        return spare
    }
}
