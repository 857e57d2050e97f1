import Glibc

/// The descriptors 0 to 2.
enum StandardDescriptors {
    /// Opens those that whoever started the process left closed as /dev/null: else the next thing that is opened takes
    /// the number, and output goes there. Before anything else is opened.
    static func ensureOpen() {
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
            // The lowest free number is what open(2) takes.
            _ = open("/dev/null", O_RDWR)
        }
    }
}
