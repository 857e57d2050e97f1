import Foundation

/// Processes of the host, found by a word that is in their command line.
enum HostProcesses {
    static func marked(_ word: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            guard let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
            return line.range(of: Data(word.utf8)) != nil
        }
    }

    /// Waits until there is none. There is nothing to be told by when a process of somebody else's is gone.
    static func untilGone(_ word: String) async {
        while !marked(word).isEmpty { await Task.yield() }
    }

    /// A line for the shell that says "here" and stays: a shell with a child, and one in a session of its own.
    static func staying(_ word: String) -> String {
        "bash -c 'exec -a \(word) sleep 100000' & setsid bash -c 'exec -a \(word) sleep 100000' & echo here; wait"
    }
}
