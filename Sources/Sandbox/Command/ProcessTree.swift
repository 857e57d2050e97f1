internal import CLinux
internal import Glibc

/// The processes of a sandbox, seen from the host.
///
/// They are those of the pid namespace in which bubblewrap's only child is the first process. The list is out of date
/// as it is made; what it misses, the end of that namespace does not.
struct ProcessTree {
    /// bubblewrap. Not reaped yet, so that the id is its own.
    let launcher: pid_t

    /// More passes than a tree that does not multiply on purpose needs.
    private static let maximumPasses = 8

    /// Sends a signal once to every process but the namespace's first, which belongs to bubblewrap. Returns whether
    /// there was any: the command itself comes a moment after its sandbox.
    func send(_ signal: Int32) -> Bool {
        guard let (first, namespace) = findNamespace() else { return false }
        var seen: Set<pid_t> = [first]
        for _ in 0..<Self.maximumPasses {
            let new = Self.descendants(of: first).subtracting(seen)
            if new.isEmpty { break }
            for process in new { Self.send(signal, to: process, in: namespace) }
            seen.formUnion(new)
        }
        return seen.count > 1
    }

    /// The namespace's first process, and the namespace's name.
    private func findNamespace() -> (first: pid_t, namespace: [UInt8])? {
        guard let first = Self.children(of: launcher).first else { return nil }
        let result = linux_pidfd_open(first)
        guard result >= 0 else { return nil }
        let pidfd = OwnedDescriptor(result)
        // The launcher has one child in its life. What it still has after the pidfd was made is what that is of; and
        // as that lives after the link was read, the link was its own.
        guard Self.children(of: launcher).contains(first),
            let namespace = Self.pidNamespace(of: first),
            linux_pidfd_send_signal(pidfd.rawValue, 0) == 0
        else { return nil }
        return (first, namespace)
    }

    /// Sends it to the process of this id only if that is in the namespace: by then the id may be another's.
    private static func send(_ signal: Int32, to process: pid_t, in namespace: [UInt8]) {
        let result = linux_pidfd_open(process)
        guard result >= 0 else { return }
        let pidfd = OwnedDescriptor(result)
        // Had the id passed to another process before the pidfd was made, this would be that one's namespace; had
        // it passed on after, the signal goes to nobody.
        guard pidNamespace(of: process) == namespace else { return }
        _ = linux_pidfd_send_signal(pidfd.rawValue, signal)
    }

    private static func descendants(of process: pid_t) -> Set<pid_t> {
        var found: Set<pid_t> = []
        var unvisited = [process]
        while let next = unvisited.popLast() {
            for child in children(of: next) where found.insert(child).inserted { unvisited.append(child) }
        }
        return found
    }

    /// The children of all its threads.
    private static func children(of process: pid_t) -> [pid_t] {
        let tasks = "/proc/\(process)/task"
        return names(in: tasks).flatMap { task in
            contents(of: "\(tasks)/\(task)/children").split(separator: UInt8(ascii: " "))
                .compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
        }
    }

    private static func pidNamespace(of process: pid_t) -> [UInt8]? {
        try? SymbolicLink.target(of: "/proc/\(process)/ns/pid")
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private static func contents(of file: String) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        return OwnedDescriptor(descriptor).readAll()
    }
}
