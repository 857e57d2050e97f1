internal import AgentBackend
internal import CLinux
internal import Glibc

/// Why control groups of a hierarchy cannot be used, and what to do about it.
struct UnusableControlGroup: Error, Hashable {
    let explanation: String

    static func missing(_ resource: LimitedResource) -> UnusableControlGroup {
        UnusableControlGroup(
            explanation: "no hierarchy of control groups with \(resource.controller) is mounted where this process can "
                + "reach it: mount cgroup2 on /sys/fs/cgroup with that controller, or start the broker outside of "
                + "the container that hides it"
        )
    }
}

extension ControlGroupHierarchy {
    /// Makes the group that all others of a runner are made in, and proves that they can be: by one with limits, and a
    /// process that becomes a member of it.
    ///
    /// `processorWeight`: of all together, where this process has 100.
    mutating func open(
        _ path: String,
        processorWeight: Int,
        _ places: ControlGroupPlaces
    ) throws(UnusableControlGroup) {
        do throws(BackendError) {
            try ControlGroupFile.makeDirectory(path)
            try giveWay(to: path)
            try delegate(path)
            try apply(ControlGroupLimits(processorWeight: weight(processorWeight, places)), to: path)
            let probe = "\(path)/probe"
            try ControlGroupFile.makeDirectory(probe)
            defer { ControlGroupFile.removeDirectories(probe) }
            try apply(Self.trial, to: probe)
            try proveMembership(of: probe)
        } catch {
            throw UnusableControlGroup(explanation: explain(error))
        }
    }

    /// The same for what groups that have been proven can do to the network.
    func proveNetwork(_ path: String) throws(UnusableControlGroup) {
        let probe = "\(path)/probe"
        defer { ControlGroupFile.removeDirectories(probe) }
        do throws(BackendError) {
            try ControlGroupFile.makeDirectory(probe)
            try apply(ControlGroupLimits(confinesNetwork: true), to: probe)
        } catch {
            throw UnusableControlGroup(
                explanation:
                    "\(directory): \(error.message); start the broker as root, on a kernel with CONFIG_CGROUP_BPF"
            )
        }
    }

    private mutating func proveMembership(of group: String) throws(BackendError) {
        // One with a real-time priority is told so by joining, and goes without.
        if version == .two, sched_getscheduler(0) == SCHED_OTHER {
            let directory = try ControlGroupFile.openDirectory(group)
            makesMembers = linux_try_making_member(directory.rawValue) == 0
        }
        if !makesMembers {
            let members = try ControlGroupFile.open(membersFile, of: group)
            try systemCall("joining a control group", linux_try_joining(members.rawValue))
        }
    }

    private static let trial = ControlGroupLimits(memory: 64 << 20, processes: 16, processorWeight: 100)

    /// With version 2 a group that hands controllers down has no processes: this one goes into a group of its own, where
    /// the kernel wants that.
    private func giveWay(to path: String) throws(BackendError) {
        do throws(BackendError) {
            try delegate(directory)
        } catch  where error.systemErrno == EBUSY {
            try ControlGroupFile.makeDirectory(ownGroup)
            try ControlGroupFile.write("\(getpid())", to: "cgroup.procs", of: ownGroup)
            try delegate(directory)
        }
    }

    private var ownGroup: String { "\(directory)/\(Self.prefix)\(getpid())-broker" }

    /// What all sandboxes together are to weigh against this process as a whole, which has 100.
    ///
    /// Its threads count as one where it is in a group of its own, or the kernel has made one of its session: sched(7),
    /// "The autogroup feature". Else each of them counts, as many as there are processors at a time.
    private func weight(_ weight: Int, _ places: ControlGroupPlaces) -> Int {
        let isRoot = version == .one ? has("release_agent") : !has("cgroup.events")
        let isAutogrouped = isRoot && ControlGroupFile.words(places.autogroup) == ["1"]
        guard access(ownGroup, F_OK) != 0, !isAutogrouped else { return weight }
        return weight * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private func has(_ file: String) -> Bool { access("\(directory)/\(file)", F_OK) == 0 }

    private func explain(_ error: BackendError) -> String {
        let advice =
            switch error.systemErrno {
            case EACCES, EPERM, EROFS:
                version == .one
                    ? "start the broker as root, or give its user that directory"
                    : "start the broker as root, or as a service with Delegate=yes"
            case EBUSY: "other processes are in the broker's group: start it as a service with Delegate=yes"
            case EAGAIN, ENOSPC: "the host allows no more groups there: raise cgroup.max.descendants, or remove some"
            default: "see cgroups(7)"
            }
        return "\(directory): \(error.message); \(advice)"
    }
}
