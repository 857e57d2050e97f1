import Glibc

/// The descriptors 0 to 2.
enum StandardDescriptors {
    /// Opens those that whoever started the process left closed: else the next thing that is opened takes the number,
    /// and output goes there. Input and output so that their use fails, as it does with a closed one: nothing to read is
    /// not the same as an empty file, and output that is lost is no success. Before anything else is opened.
    static func ensureOpen() {
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
            // The lowest free number is what open(2) takes.
            _ = open("/dev/null", number == 0 ? O_WRONLY : number == 1 ? O_RDONLY : O_RDWR)
        }
    }
}
