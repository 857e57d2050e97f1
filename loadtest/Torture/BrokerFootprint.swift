internal import FoundationEssentials

/// What a broker has of the host at one moment, and gives back.
struct BrokerFootprint: Codable, Equatable, Sendable {
    var descriptors = 0
    /// Below its own, zombies included.
    var processes = 0
    var mounts = 0
    /// That it has made below its own, in all hierarchies.
    var cgroups = 0
    /// Of writes, of entries without a key, and what waits to be removed: paths beneath the directory of all orgs.
    var temporaryFiles: [String] = []

    /// `root`: the broker's. Throws when it is gone.
    init(pid: Int32, root: String) throws(LoadFailure) {
        guard let descriptors = Self.names(in: "/proc/\(pid)/fd"), let mounts = ProcFile.text("/proc/\(pid)/mountinfo")
        else { throw .child("cannot look at process \(pid): is it still running?") }
        self.descriptors = descriptors.count
        self.mounts = mounts.split(separator: "\n").count
        processes = Self.descendants(of: pid)
        cgroups = Self.ownCgroups(pid).reduce(0) { $0 + Self.directories(in: $1, of: pid) }
        let orgs = "\(root)/v1/orgs"
        for org in Self.names(in: orgs) ?? [] {
            for name in Self.names(in: "\(orgs)/\(org)") ?? [] where name.hasPrefix(".") {
                let directory = "\(org)/\(name)"
                temporaryFiles += (Self.names(in: "\(orgs)/\(directory)") ?? []).map { "\(directory)/\($0)" }
            }
        }
        temporaryFiles.sort()
    }

    /// In the order in which they are told.
    var figures: [(name: String, count: Int)] {
        [
            ("descriptors", descriptors), ("processes", processes), ("mounts", mounts), ("cgroups", cgroups),
            ("temporary files", temporaryFiles.count),
        ]
    }

    /// What it has more of than another one.
    func excess(over other: BrokerFootprint) -> [(name: String, before: Int, after: Int)] {
        zip(figures, other.figures).filter { $0.count > $1.count }.map { ($0.name, $1.count, $0.count) }
    }

    private static func names(in directory: String) -> [String]? {
        try? FileManager.default.contentsOfDirectory(atPath: directory)
    }

    private static func descendants(of pid: Int32) -> Int {
        var children: [Int32: [Int32]] = [:]
        for process in (names(in: "/proc") ?? []).compactMap({ Int32($0) }) {
            if let parent = parent(ProcFile.text("/proc/\(process)/stat") ?? "") {
                children[parent, default: []].append(process)
            }
        }
        var count = 0
        var rest = children[pid] ?? []
        while let process = rest.popLast() {
            count += 1
            rest += children[process] ?? []
        }
        return count
    }

    /// From the text of proc_pid_stat(5).
    static func parent(_ stat: String) -> Int32? {
        // The command's name may hold spaces and parentheses; what follows the last one is fields 3 and up.
        guard let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }

    /// Directories of the broker's own cgroups, where the host has them in the usual place.
    private static func ownCgroups(_ pid: Int32) -> [String] {
        (ProcFile.text("/proc/\(pid)/cgroup") ?? "").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            let hierarchy = fields[1].isEmpty ? "unified" : fields[1]
            let mixed = "/sys/fs/cgroup/\(hierarchy)"
            let exists = FileManager.default.fileExists(atPath: mixed)
            return (exists ? mixed : "/sys/fs/cgroup") + fields[2]
        }
    }

    /// Others of the host's, and of other brokers, may be there too: only names that tell of this one count.
    private static func directories(in directory: String, of pid: Int32) -> Int {
        (names(in: directory) ?? []).reduce(0) { count, name in
            var isDirectory = false
            let path = "\(directory)/\(name)"
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory else {
                return count
            }
            return count + (path.contains("/agent-broker-\(pid)-") ? 1 : 0) + directories(in: path, of: pid)
        }
    }
}
