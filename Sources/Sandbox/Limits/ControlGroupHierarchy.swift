internal import Glibc

/// Where a process learns of its control groups: cgroups(7).
package struct ControlGroupPlaces: Sendable {
    /// In which group it is, of each hierarchy.
    package var membership = "/proc/self/cgroup"
    /// Where hierarchies are mounted.
    package var mounts = "/proc/self/mountinfo"
    /// Whether the kernel makes a group of each session, of processes in the root of a hierarchy.
    package var autogroup = "/proc/sys/kernel/sched_autogroup_enabled"

    package init() {}
}

/// One hierarchy of control groups, of either version, with what is taken from it. A value.
struct ControlGroupHierarchy: Sendable, Hashable {
    enum Version: Int, Sendable {
        case one = 1
        case two
    }

    let version: Version
    /// The process's own group.
    let directory: String
    var resources: [LimitedResource]
    /// Sandboxes can be made in its groups, where they else have to join them: `CLONE_INTO_CGROUP` of clone3(2), with
    /// version 2 and Linux 5.7. A command with limits of its own joins its group all the same.
    var makesMembers = false

    /// Beneath its own group, of every process that makes some: with its id, and a number that it has not used yet.
    static let prefix = "agent-broker-"

    /// The file of a group to which a process writes "0" to become a member, when it has but one thread.
    ///
    /// With `cgroup.procs` the kernel keeps every process of the host from making threads meanwhile, and waits for a
    /// grace period of RCU before that, 5 to 20 ms. A thread that moves by itself needs none of this since Linux 5.5; groups
    /// of version 2 do not take it without its process.
    var membersFile: String { version == .one ? "tasks" : "cgroup.procs" }

    /// Controllers that groups beneath another are to have, as version 2 wants to be told.
    var delegation: String {
        resources.filter { !$0.isInEveryGroup }.map { "+\($0.controller)" }.joined(separator: " ")
    }
}

extension ControlGroupHierarchy {
    /// Those of this host, and what none of them has. Version 2 goes first where it has the controller.
    static func find(_ places: ControlGroupPlaces) -> (found: [ControlGroupHierarchy], missing: [LimitedResource]) {
        let memberships = Membership.all(places)
        let mounts = Mount.all(places)
        let two = memberships.first { $0.controllers == [""] }.flatMap { membership in
            mounts.first { $0.version == .two }?.directory(of: membership)
        }
        let controllersOfTwo = two.map { ControlGroupFile.words("\($0)/cgroup.controllers") } ?? []
        var found: [ControlGroupHierarchy] = []
        var missing: [LimitedResource] = []
        func use(_ directory: String, _ version: Version, for resource: LimitedResource) {
            if let index = found.firstIndex(where: { $0.directory == directory }) {
                found[index].resources.append(resource)
            } else {
                found.append(ControlGroupHierarchy(version: version, directory: directory, resources: [resource]))
            }
        }
        for resource in LimitedResource.allCases {
            let controller = Substring(resource.controller)
            // That of version 2 has no controllers.
            let one = memberships.first { !controller.isEmpty && $0.controllers.contains(controller) }.flatMap {
                membership in
                mounts.first { $0.version == .one && $0.controllers.contains(controller) }?.directory(of: membership)
            }
            let isOfTwo = controllersOfTwo.contains(controller) || (resource.isInEveryGroup && one == nil)
            if let two, isOfTwo {
                use(two, .two, for: resource)
            } else if let one {
                use(one, .one, for: resource)
            } else {
                missing.append(resource)
            }
        }
        return (found, missing)
    }

    /// A line of /proc/PID/cgroup: number:controllers:path.
    private struct Membership {
        let controllers: [Substring]
        let path: Substring

        static func all(_ places: ControlGroupPlaces) -> [Membership] {
            ControlGroupFile.text(places.membership).split(separator: "\n").compactMap { line in
                let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count == 3 else { return nil }
                return Membership(
                    controllers: parts[1].split(separator: ",", omittingEmptySubsequences: false),
                    path: parts[2]
                )
            }
        }
    }

    /// A line of /proc/PID/mountinfo.
    private struct Mount {
        let version: Version
        let controllers: [Substring]
        /// The group that is its root.
        let root: Substring
        let point: Substring

        static func all(_ places: ControlGroupPlaces) -> [Mount] {
            ControlGroupFile.text(places.mounts).split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ")
                guard let dash = words.firstIndex(of: "-"), dash >= 5, words.count > dash + 3 else { return nil }
                let version: Version
                switch words[dash + 1] {
                case "cgroup": version = .one
                case "cgroup2": version = .two
                default: return nil
                }
                return Mount(
                    version: version,
                    controllers: words[dash + 3].split(separator: ","),
                    root: words[3],
                    point: words[4]
                )
            }
        }

        /// Nil: it lies outside of the mount.
        func directory(of membership: Membership) -> String? {
            var path = membership.path
            // A process of version 2 has moved itself, see ``ControlGroups``.
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            if path[slash...].dropFirst().hasPrefix("\(ControlGroupHierarchy.prefix)\(getpid())-") {
                path = path[..<slash]
            }
            if root != "/" {
                guard path == root || path.hasPrefix("\(root)/") else { return nil }
                path = path.dropFirst(root.count)
            }
            guard !path.hasPrefix("/..") else { return nil }
            return "\(point)\(path == "/" ? "" : path)"
        }
    }
}
