/// What the kernel keeps of all open sockets of the host: the objects themselves, their files, and their places in
/// epoll(7); not their buffers.
enum SocketMemory {
    /// Those that hardly anything but sockets needs.
    private static let caches: Set<Substring> = ["TCP", "UNIX", "sock_inode_cache", "eventpoll_epi", "eventpoll_pwq"]
    /// A file and a name belong to each socket; the host has too many others to count them by their caches.
    private static let companions: Set<Substring> = ["filp", "dentry"]

    /// In bytes, or nil where the kernel does not tell.
    static func bytes() -> Int? {
        ProcFile.text("/proc/slabinfo").flatMap(bytes)
    }

    /// From the text of slabinfo(5).
    static func bytes(_ slabinfo: String) -> Int? {
        var sum = 0
        var sockets = 0
        var lengthOfCompanions = 0
        for line in slabinfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, let count = Int(fields[1]), let length = Int(fields[3]) else { continue }
            if caches.contains(fields[0]) { sum += count * length }
            if companions.contains(fields[0]) { lengthOfCompanions += length }
            if fields[0] == "sock_inode_cache" { sockets = count }
        }
        return sockets > 0 ? sum + sockets * lengthOfCompanions : nil
    }
}
