import CLinux
import Foundation
import Glibc

/// The processes of a command, as the host sees them: the first one of its pid namespace and all that come from that.
/// Held by pidfds, so that none is taken for another one.
final class ProcessTree: Sendable {
    /// How many of each shape.
    private static let count = 27

    /// A line for the shell that starts more than 200 processes of all shapes, says "ready" and stays. `word` is in its
    /// command line: plain, nohup, deaf to signals, in sessions of their own, double-forked without streams, stopped,
    /// and zombies with parents that never ask for them.
    static func line(_ word: String) -> String {
        """
        : \(word)
        for i in $(seq \(count)); do
            sleep 100000 &
            nohup sleep 100000 > /dev/null 2>&1 &
            (trap '' TERM HUP INT; exec sleep 100000) &
            setsid sleep 100000 &
            (setsid sh -c 'sleep 100000 <&- >&- 2>&- &')
            sleep 100000 & kill -STOP $!
            sh -c 'true & exec sleep 100000' &
        done
        echo ready
        wait
        """
    }

    private struct Process {
        let pid: Int32
        let parent: Int32
        let state: Character
        let isFirst: Bool

        /// Nil: it is gone.
        init?(_ pid: Int32) {
            guard let status = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return nil }
            var fields: [Substring: Substring] = [:]
            for line in String(decoding: status, as: UTF8.self).split(separator: "\n") {
                let colon = line.firstIndex(of: ":") ?? line.endIndex
                fields[line[..<colon]] = line[colon...].dropFirst().drop { $0 == "\t" }
            }
            guard let parent = fields["PPid"].flatMap({ Int32($0) }), let state = fields["State"]?.first else {
                return nil
            }
            self.pid = pid
            self.parent = parent
            self.state = state
            isFirst = fields["NSpid"]?.split(separator: "\t").last == "1"
        }

        static var all: [Int32: Process] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            let processes = names.compactMap { Int32($0) }.compactMap { Process($0) }
            return Dictionary(processes.map { ($0.pid, $0) }) { first, _ in first }
        }
    }

    /// All of the namespace but its first one, which may run the next command of the sandbox.
    private let members: [Int32]
    /// The first one, and those of the sandbox around the command, up to the broker, which is left out.
    private let sandbox: [Int32]

    /// Waits until all shapes are there. Nil: it ended before.
    static func complete(_ word: String, of broker: Int32) async -> ProcessTree? {
        while true {
            let all = Process.all
            let leader = HostProcesses.marked(word).lazy.compactMap { all[$0] }.first { process in
                lineage(of: process, in: all).contains { $0.pid == broker }
            }
            guard let leader else { return nil }
            let above = lineage(of: leader, in: all)
            guard let root = above.first(where: \.isFirst) else { return nil }
            let members = all.values.filter { lineage(of: $0, in: all).contains { $0.pid == root.pid } }
            let states = Dictionary(grouping: members, by: \.state).mapValues(\.count)
            if members.count > 200, states["T", default: 0] >= count, states["Z", default: 0] >= count {
                let around = above.drop { $0.pid != root.pid }.dropFirst().prefix { $0.pid != broker }
                return ProcessTree(
                    members.map(\.pid).filter { $0 != root.pid },
                    sandbox: [root.pid] + around.map(\.pid)
                )
            }
            await Task.yield()
        }
    }

    /// A process and those that it comes from, the nearest first.
    private static func lineage(of process: Process, in all: [Int32: Process]) -> [Process] {
        var lineage = [process]
        while let last = lineage.last, let parent = all[last.parent], lineage.count < 1000 { lineage.append(parent) }
        return lineage
    }

    private init(_ members: [Int32], sandbox: [Int32]) {
        self.members = members.map { linux_pidfd_open($0) }
        self.sandbox = sandbox.map { linux_pidfd_open($0) }
    }

    deinit {
        for descriptor in members + sandbox where descriptor >= 0 { close(descriptor) }
    }

    /// Nothing of the command is left, not even a zombie.
    var isGone: Bool { members.allSatisfy(Self.isReaped) }

    /// Waits until that is so; false: something is left after a time in which much slower machines are done.
    func waitUntilGone() async -> Bool { await Self.waitUntilGone(members) }

    /// The same of the sandbox, with the namespace of the command.
    func waitUntilSandboxIsGone() async -> Bool { await Self.waitUntilGone(sandbox) }

    private static func waitUntilGone(_ processes: [Int32]) async -> Bool {
        let hasEnded = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            DispatchQueue.global().async { continuation.resume(returning: haveEnded(processes)) }
        }
        // What has ended is asked for soon, of which nobody is told.
        while hasEnded, !processes.allSatisfy(isReaped) {
            if Task.isCancelled { return false }
            await Task.yield()
        }
        return hasEnded
    }

    private static func isReaped(_ process: Int32) -> Bool {
        // It was gone before it could be opened.
        process < 0 || linux_pidfd_send_signal(process, 0) == -ESRCH
    }

    private static func haveEnded(_ processes: [Int32]) -> Bool {
        processes.filter { $0 >= 0 }.allSatisfy { process in
            var polled = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
            return poll(&polled, 1, 30_000) == 1
        }
    }
}
