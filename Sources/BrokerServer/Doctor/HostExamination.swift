internal import AgentBackend
internal import Glibc
internal import LocalBackend
internal import Sandbox

/// Looks at a host as a broker of some configuration would find it. Makes temporary files and ends what it starts;
/// nothing stays. Needs no running broker and disturbs none.
package struct HostExamination: Sendable {
    private let configuration: BrokerConfiguration

    package init(_ configuration: BrokerConfiguration) {
        self.configuration = configuration
    }

    /// All that was found, in the order in which an operator reads it.
    package func findings() async -> [HostFinding] {
        let report = await IsolationReport.probing(IsolationLevel.allCases.sorted(by: >), as: identity)
        return [user] + levels(report) + report.limits.map(limit) + RootExamination(configuration.root).findings
            + [coreDumps, terminals, descriptors]
    }

    /// Whom commands are tried as: nobody's in particular.
    private var identity: HostIdentity? {
        geteuid() == 0 ? HostIdentity(uid: 65_534, gid: 65_534) : nil
    }

    private var user: HostFinding {
        guard let identity else {
            return HostFinding(
                "users",
                .degraded,
                "the broker is uid \(geteuid()), and so are the files and commands of all orgs",
                advice: "run it as root where orgs do not trust each other: no command runs as root"
            )
        }
        do throws(BackendError) {
            try FileIdentity.prove(identity)
            return HostFinding("users", .works, "each org has a user of its own for its files and commands")
        } catch {
            return HostFinding(
                "users",
                .missing,
                error.description,
                advice: "give the broker CAP_SETUID and CAP_SETGID"
            )
        }
    }

    // MARK: Isolation

    private func levels(_ report: IsolationReport) -> [HostFinding] {
        let required = IsolationLevel(rawValue: configuration.exec.requireIsolation.rawValue)
        let asked = IsolationLevel(rawValue: configuration.exec.isolation.rawValue)
        let used = asked ?? report.strongest
        return report.findings.map { finding in
            let name = "isolation \(finding.level.rawValue)"
            guard finding.isProven else {
                let isNeeded = finding.level == asked || finding.level == required || used == nil
                return HostFinding(name, isNeeded ? .missing : .degraded, finding.explanation)
            }
            let isUsed = finding.level == used
            let meaning = Self.meaning(of: finding.level) + (isUsed ? "; commands run at this level" : "")
            guard isUsed, finding.level < .bwrap else { return HostFinding(name, .works, meaning) }
            let isTooWeak = required.map { finding.level < $0 } ?? false
            return HostFinding(
                name,
                isTooWeak ? .missing : .degraded,
                meaning,
                advice: asked == nil ? "make bwrap work, see above" : "set exec.isolation to auto"
            )
        }
    }

    private func limit(_ mechanism: LimitMechanism) -> HostFinding {
        let name = "limit \(mechanism.limit)"
        let found = "kept by \(mechanism.mechanism)"
        guard !mechanism.isProven else { return HostFinding(name, .works, found) }
        return HostFinding(name, .degraded, found, advice: mechanism.explanation)
    }

    private static func meaning(of level: IsolationLevel) -> String {
        switch level {
        case .bwrap: "ran a command with files, processes and a network of its own"
        case .landlock: "ran a command that writes its workspace alone, without network; it sees the host's processes"
        case .software: "ran a command with resource limits that may read and write all that its user may"
        case .none: "ran a command with nothing but an environment of its own; only when asked for by name"
        }
    }

    // MARK: The kernel

    private var coreDumps: HostFinding {
        let pattern = SystemSetting.text("kernel/core_pattern")
        guard pattern.hasPrefix("|") else { return HostFinding("core dumps", .works, "no program is run for them") }
        return HostFinding(
            "core dumps",
            .degraded,
            "kernel.core_pattern runs a program as root for each that is written; commands write none",
            advice: "set kernel.core_pattern to a file name"
        )
    }

    private var terminals: HostFinding {
        let (used, most) = (SystemSetting.number("kernel/pty/nr"), SystemSetting.number("kernel/pty/max"))
        let found = "\(used) of \(most) terminals of the host are in use"
        // Each command may have 64.
        guard most - used >= 1024 else {
            return HostFinding("terminals", .degraded, found, advice: "raise kernel.pty.max: all orgs share them")
        }
        return HostFinding("terminals", .works, found)
    }

    private var descriptors: HostFinding {
        let served = AdmissionLimits.ofProcess(configuration).maximumConnections
        let found = "\(ProcessSettings.descriptorLimit) descriptors serve \(served) connections"
        guard served < configuration.limits.maxConnections else { return HostFinding("descriptors", .works, found) }
        return HostFinding(
            "descriptors",
            .degraded,
            "\(found), fewer than limits.max_connections, \(configuration.limits.maxConnections)",
            advice: "raise the process's limit, LimitNOFILE with systemd"
        )
    }
}

/// A file of /proc/sys.
enum SystemSetting {
    /// Empty where it cannot be read.
    static func text(_ name: String) -> String {
        let file = open("/proc/sys/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").first.map(
            String.init
        ) ?? ""
    }

    /// Zero where it cannot be read.
    static func number(_ name: String) -> Int { Int(text(name)) ?? 0 }
}
