/// Something that a command should not do by mistake.
struct DangerRule: Sendable {
    enum Condition: Sendable {
        case isRun
        /// It is given something to work on.
        case hasOperand
        case firstOperand(Set<String>)
        /// A recursive option, in a short form that is one of these letters, and such a place.
        case recursive(letters: String, Set<TargetPath.Place>)
        case moves(Set<TargetPath.Place>)
        case finds(Set<TargetPath.Place>)
        case writesDevice(WrittenOperands)
        case signalsEveryProcess
        // These three are seen by what stands around a command.
        case runsDownload
        case redirectsToDevice
        case multipliesItself
    }

    enum WrittenOperands: Sendable {
        case all
        case last
        case prefixed(String)
    }

    /// Stable; for logs and for a handler that tells them apart.
    let name: String
    /// What is wrong, as what the command does: "removes …".
    let reason: String
    /// Names of the programs, without their directory.
    let programs: [String]
    let condition: Condition
}

extension DangerRule {
    static let all = [
        DangerRule(
            name: "remove-root",
            reason: "removes all of a root, a system directory, a home or the whole workspace",
            programs: ["rm"],
            condition: .recursive(letters: "rR", [.root, .system, .workspace])
        ),
        DangerRule(
            name: "find-delete-root",
            reason: "removes everything that it finds in a root, a system directory, a home or the whole workspace",
            programs: ["find"],
            condition: .finds([.root, .system, .workspace])
        ),
        DangerRule(
            name: "move-root",
            reason: "moves the root or a system directory away",
            programs: ["mv"],
            condition: .moves([.root, .system])
        ),
        DangerRule(
            name: "change-root-permissions",
            reason: "changes permissions or owners of the root or of a system directory, and of all beneath it",
            programs: ["chmod", "chown", "chgrp"],
            condition: .recursive(letters: "R", [.root, .system])
        ),
        DangerRule(
            name: "copy-onto-device",
            reason: "writes onto a device",
            programs: ["dd"],
            condition: .writesDevice(.prefixed("of="))
        ),
        DangerRule(
            name: "write-device",
            reason: "writes onto a device",
            programs: ["tee", "shred", "truncate", "wipefs", "blkdiscard", "mkswap"],
            condition: .writesDevice(.all)
        ),
        DangerRule(
            name: "replace-device",
            reason: "writes onto a device",
            programs: ["cp", "mv", "install"],
            condition: .writesDevice(.last)
        ),
        redirectToDevice,
        DangerRule(
            name: "make-filesystem",
            reason: "makes a filesystem over what is there",
            programs: ["mkfs", "mke2fs", "mkdosfs"],
            condition: .hasOperand
        ),
        runDownload,
        forkBomb,
        DangerRule(
            name: "shut-down",
            reason: "ends the whole system",
            programs: ["shutdown", "reboot", "halt", "poweroff", "killall5"],
            condition: .isRun
        ),
        DangerRule(
            name: "change-run-level",
            reason: "ends the whole system",
            programs: ["init", "telinit"],
            condition: .firstOperand(["0", "6"])
        ),
        DangerRule(
            name: "stop-system",
            reason: "ends the whole system",
            programs: ["systemctl"],
            condition: .firstOperand(["poweroff", "reboot", "halt", "kexec", "rescue", "emergency"])
        ),
        DangerRule(
            name: "signal-all",
            reason: "sends a signal to every process",
            programs: ["kill"],
            condition: .signalsEveryProcess
        ),
    ]

    static let runDownload = DangerRule(
        name: "run-download",
        reason: "runs what it downloads, unseen",
        programs: [],
        condition: .runsDownload
    )

    static let redirectToDevice = DangerRule(
        name: "redirect-to-device",
        reason: "writes onto a device",
        programs: [],
        condition: .redirectsToDevice
    )

    static let forkBomb = DangerRule(
        name: "fork-bomb",
        reason: "starts itself again and again, without end",
        programs: [],
        condition: .multipliesItself
    )

    /// Those that a program of this name may meet.
    static func rules(for program: String) -> [DangerRule] {
        byProgram[program] ?? []
    }

    private static let byProgram: [String: [DangerRule]] = all.reduce(into: [:]) { table, rule in
        for program in rule.programs { table[program, default: []].append(rule) }
    }
}
