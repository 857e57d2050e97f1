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
    /// process that joins it.
    func open(_ path: String) throws(UnusableControlGroup) {
        do throws(BackendError) {
            try ControlGroupFile.makeDirectory(path)
            try giveWay(to: path)
            try delegate(path)
            try apply(Self.all, to: path)
            let probe = "\(path)/probe"
            try ControlGroupFile.makeDirectory(probe)
            defer { ControlGroupFile.removeDirectories(probe) }
            try apply(Self.trial, to: probe)
            let members = try ControlGroupFile.open("cgroup.procs", of: probe)
            try systemCall("joining a control group", linux_try_control_group(members.rawValue))
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

    /// All sandboxes together get as much of the processors as there are of them, when others want them too; without
    /// this all would count as one of the broker's threads.
    private static var all: ControlGroupLimits {
        ControlGroupLimits(processorWeight: 100 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    private static let trial = ControlGroupLimits(memory: 64 << 20, processes: 16, processorWeight: 100)

    /// With version 2 a group that hands controllers down has no processes: this one goes into a group of its own, where
    /// the kernel wants that.
    private func giveWay(to path: String) throws(BackendError) {
        do throws(BackendError) {
            try delegate(directory)
        } catch  where error.systemErrno == EBUSY {
            let own = "\(directory)/\(Self.prefix)\(getpid())-broker"
            try ControlGroupFile.makeDirectory(own)
            try ControlGroupFile.write("\(getpid())", to: "cgroup.procs", of: own)
            try delegate(directory)
        }
    }

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
