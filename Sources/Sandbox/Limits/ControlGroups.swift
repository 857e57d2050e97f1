internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// The control groups of a runner, cgroups(7), beneath the process's own: one of each tenant, in it one of each sandbox,
/// and in that one of each command that has limits of its own. Safe to use from any thread.
///
/// What a process that was killed left of them is removed by the next one.
final class ControlGroups: Sendable {
    private struct Tenant {
        var limits: ControlGroupLimits
        var sandboxes = 0
    }

    private static let lastNumber = Atomic<Int>(0)

    /// How each resource is limited here.
    let mechanisms: [LimitedResource: Result<ControlGroupHierarchy, UnusableControlGroup>]
    /// Of this object, one in each hierarchy.
    private let places: [(hierarchy: ControlGroupHierarchy, path: String)]
    private let tenants = Mutex<[String: Tenant]>([:])
    private let lastGroup = Atomic<Int>(0)

    /// Tries what there is; what cannot be used is left out, see ``mechanisms``.
    ///
    /// `processorWeight`: of all commands together, where this process has 100.
    init(_ at: ControlGroupPlaces, processorWeight: Int) {
        let name = "\(ControlGroupHierarchy.prefix)\(getpid())-\(Self.lastNumber.add(1, ordering: .relaxed).newValue)"
        let (hierarchies, missing) = ControlGroupHierarchy.find(at)
        var mechanisms: [LimitedResource: Result<ControlGroupHierarchy, UnusableControlGroup>] = [:]
        for resource in missing { mechanisms[resource] = .failure(.missing(resource)) }
        var places: [(ControlGroupHierarchy, String)] = []
        for var hierarchy in hierarchies {
            Self.removeAbandoned(in: hierarchy.directory)
            let path = "\(hierarchy.directory)/\(name)"
            do throws(UnusableControlGroup) {
                try hierarchy.open(path, processorWeight: processorWeight, at)
                if let index = hierarchy.resources.firstIndex(of: .network) {
                    do throws(UnusableControlGroup) {
                        try hierarchy.proveNetwork(path)
                    } catch {
                        mechanisms[.network] = .failure(error)
                        hierarchy.resources.remove(at: index)
                    }
                }
                places.append((hierarchy, path))
                for resource in hierarchy.resources { mechanisms[resource] = .success(hierarchy) }
            } catch {
                ControlGroupFile.removeDirectories(path)
                for resource in hierarchy.resources { mechanisms[resource] = .failure(error) }
            }
        }
        self.places = places
        self.mechanisms = mechanisms
    }

    deinit {
        for place in places { ControlGroupFile.removeDirectories(place.path) }
    }

    func limits(_ resource: LimitedResource) -> Bool {
        if case .success = mechanisms[resource] { true } else { false }
    }

    /// Throws `MISSING_UTILITIES` for a limit of a sandbox that is not kept here, or that has no group.
    func check(_ asked: ExecLimits, isUsed: Bool) throws(BackendError) {
        if asked.memoryBytes != nil, !isUsed || !limits(.memory) { throw .noControlGroup(for: .memory) }
        if asked.processes != nil, !isUsed || !limits(.processes) { throw .noControlGroup(for: .processes) }
    }

    /// One for a sandbox of a tenant. Nil where the host has none for anything. Throws `RESOURCE_EXHAUSTED` and
    /// `EXEC_ERROR`.
    func makeGroup(
        _ limits: ControlGroupLimits,
        of tenant: String,
        within outer: ControlGroupLimits
    ) throws(BackendError) -> ControlGroup? {
        let places = places.filter { place in
            place.hierarchy.resources.contains { $0 != .network || limits.confinesNetwork }
        }
        guard !places.isEmpty else { return nil }
        try enter(tenant, outer)
        let number = lastGroup.add(1, ordering: .relaxed).newValue
        return try .makeForSandbox(
            places.map { ($0.hierarchy, "\($0.path)/\(tenant)/\(number)") },
            limits,
            onRemoval: { [self] in leave(tenant) }
        )
    }

    /// Makes the tenant's group where it has none, and keeps it for one sandbox more.
    private func enter(_ name: String, _ limits: ControlGroupLimits) throws(BackendError) {
        let result = tenants.withLock { tenants -> Result<Void, BackendError> in
            do throws(BackendError) {
                if tenants[name]?.limits != limits {
                    for place in places {
                        let path = "\(place.path)/\(name)"
                        try ControlGroupFile.makeDirectory(path)
                        try place.hierarchy.apply(limits, to: path)
                        try place.hierarchy.delegate(path)
                    }
                }
                tenants[name, default: Tenant(limits: limits)].limits = limits
                tenants[name]?.sandboxes += 1
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func leave(_ name: String) {
        tenants.withLock { tenants in
            tenants[name]?.sandboxes -= 1
            guard tenants[name]?.sandboxes == 0 else { return }
            tenants[name] = nil
            for place in places { rmdir("\(place.path)/\(name)") }
        }
    }

    private static func removeAbandoned(in own: String) {
        for name in ControlGroupFile.directories(in: own) where name.hasPrefix(ControlGroupHierarchy.prefix) {
            let number = name.dropFirst(ControlGroupHierarchy.prefix.count).prefix { $0 != "-" }
            guard let process = pid_t(number), kill(process, 0) != 0, errno == ESRCH else { continue }
            ControlGroupFile.removeDirectories("\(own)/\(name)")
        }
    }
}
