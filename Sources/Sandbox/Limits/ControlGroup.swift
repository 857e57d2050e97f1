internal import AgentBackend
internal import Glibc
internal import Synchronization

/// A control group of one sandbox, or of one command, in each hierarchy that is used for it. Safe to share.
final class ControlGroup: Sendable {
    /// What happened in it so far.
    struct Counts: Sendable, Hashable {
        /// Processes that were killed for lack of memory.
        var memoryKills: UInt64 = 0
        /// Processes that could not be made.
        var refusedProcesses: UInt64 = 0
    }

    /// One in one hierarchy.
    struct Directory: Sendable {
        let hierarchy: ControlGroupHierarchy
        /// What limits it.
        let path: String
        /// What its processes are in: with version 2 no group has processes and groups.
        let members: String
    }

    let limits: ControlGroupLimits
    private let directories: [Directory]
    private let memoryKills: [ControlGroupCount]
    private let refusedProcesses: [ControlGroupCount]
    private let lastCommand = Atomic<UInt64>(0)
    private let onRemoval: @Sendable () -> Void

    private init(
        _ directories: [Directory],
        _ limits: ControlGroupLimits,
        onRemoval: @escaping @Sendable () -> Void = {}
    ) {
        self.directories = directories
        self.limits = limits
        self.onRemoval = onRemoval
        memoryKills = directories.filter { $0.hierarchy.resources.contains(.memory) }.map { directory in
            directory.hierarchy.memoryKills(in: directory.members)
        }
        // They are counted where the limit is, or where the process is: that depends on the kernel.
        refusedProcesses = directories.filter { $0.hierarchy.resources.contains(.processes) }.flatMap { directory in
            Set([directory.path, directory.members]).map { directory.hierarchy.refusedProcesses(in: $0) }
        }
    }

    /// One that groups of commands are made in. Throws `EXEC_ERROR` and `RESOURCE_EXHAUSTED`.
    static func makeForSandbox(
        _ places: [(hierarchy: ControlGroupHierarchy, path: String)],
        _ limits: ControlGroupLimits,
        onRemoval: @escaping @Sendable () -> Void
    ) throws(BackendError) -> ControlGroup {
        let directories = places.map { place in
            Directory(
                hierarchy: place.hierarchy,
                path: place.path,
                members: place.hierarchy.version == .one ? place.path : "\(place.path)/agent"
            )
        }
        let group = ControlGroup(directories, limits, onRemoval: onRemoval)
        do throws(BackendError) {
            for directory in directories {
                try ControlGroupFile.makeDirectory(directory.path)
                try directory.hierarchy.apply(limits, to: directory.path)
                guard directory.members != directory.path else { continue }
                try directory.hierarchy.delegate(directory.path)
                try ControlGroupFile.makeDirectory(directory.members)
            }
        } catch {
            group.remove()
            throw error
        }
        return group
    }

    /// One within the sandbox's, for one command, in those hierarchies that its limits concern. Throws
    /// `MISSING_UTILITIES` where the host does not have one of them, `EXEC_ERROR` and `RESOURCE_EXHAUSTED`.
    static func makeForCommand(
        _ limits: ControlGroupLimits,
        in sandbox: ControlGroup?
    ) throws(BackendError) -> ControlGroup {
        for resource in LimitedResource.allCases where limits.concern(resource) {
            guard sandbox?.has(resource) ?? false else { throw .noControlGroup(for: resource) }
        }
        let number = sandbox?.lastCommand.add(1, ordering: .relaxed).newValue ?? 0
        let concerned = sandbox?.directories.filter { $0.hierarchy.resources.contains(where: limits.concern) } ?? []
        let inner = concerned.map { directory in
            let path = "\(directory.path)/\(number)"
            return Directory(hierarchy: directory.hierarchy, path: path, members: path)
        }
        let group = ControlGroup(inner, limits)
        do throws(BackendError) {
            for directory in inner {
                try ControlGroupFile.makeDirectory(directory.path)
                try directory.hierarchy.apply(limits, to: directory.path)
            }
        } catch {
            group.remove()
            throw error
        }
        return group
    }

    func has(_ resource: LimitedResource) -> Bool {
        directories.contains { $0.hierarchy.resources.contains(resource) }
    }

    /// Files to which a process writes "0" to become a member. It need not be allowed to open them itself.
    func openMembers() throws(BackendError) -> [SharedDescriptor] {
        try Self.openMembers(of: directories)
    }

    /// For a process that is made: the directory where it can be made as a member, and files for where it cannot.
    func openEntrance() throws(BackendError) -> (birthplace: SharedDescriptor?, members: [SharedDescriptor]) {
        var joined = directories
        // Of version 2 there is one hierarchy.
        guard let index = joined.firstIndex(where: { $0.hierarchy.makesMembers }) else {
            return (nil, try openMembers())
        }
        let birthplace = try ControlGroupFile.openDirectory(joined.remove(at: index).members)
        return (SharedDescriptor(birthplace), try Self.openMembers(of: joined))
    }

    private static func openMembers(of directories: [Directory]) throws(BackendError) -> [SharedDescriptor] {
        var members: [SharedDescriptor] = []
        for directory in directories {
            let file = directory.hierarchy.membersFile
            members.append(SharedDescriptor(try ControlGroupFile.open(file, of: directory.members)))
        }
        return members
    }

    /// As far as the kernel tells of this group.
    var counts: Counts {
        Counts(
            memoryKills: memoryKills.reduce(0) { $0 + $1.value },
            refusedProcesses: refusedProcesses.reduce(0) { $0 + $1.value }
        )
    }

    /// Nil: it is not counted.
    var processorTime: Duration? {
        directories.first { $0.hierarchy.resources.contains(.processorTime) }.map { directory in
            directory.hierarchy.processorTime(of: directory.path)
        }
    }

    /// Once nothing is in it.
    func remove() {
        for count in memoryKills + refusedProcesses { count.end() }
        for directory in directories { ControlGroupFile.removeDirectories(directory.path) }
        onRemoval()
    }
}

extension ControlGroupHierarchy {
    /// Groups beneath this one are to have the controllers. With version 1 they have them.
    func delegate(_ group: String) throws(BackendError) {
        guard version == .two, !delegation.isEmpty else { return }
        try ControlGroupFile.write(delegation, to: "cgroup.subtree_control", of: group)
    }
}

extension BackendError {
    static func noControlGroup(for resource: LimitedResource) -> BackendError {
        BackendError(
            .missingUtilities,
            message:
                "this host has no control group for the \(resource.name) of one command: ask for no limit of it, or "
                + "see what agent-broker doctor says"
        )
    }
}
