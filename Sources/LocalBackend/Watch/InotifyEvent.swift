internal import Glibc

/// One event of inotify(7).
struct InotifyEvent: Sendable, Hashable {
    /// Of a watched directory: the number that the kernel gave it.
    typealias Watch = Int32

    var watch: Watch
    var mask: UInt32
    /// Of the two events of one renaming; else 0.
    var cookie: UInt32
    /// In the directory. Empty: the directory itself.
    var name: [UInt8]

    init(_ watch: Watch, _ mask: Int32, cookie: UInt32 = 0, name: [UInt8] = []) {
        self.init(watch: watch, mask: UInt32(bitPattern: mask), cookie: cookie, name: name)
    }

    private init(watch: Watch, mask: UInt32, cookie: UInt32, name: [UInt8]) {
        self.watch = watch
        self.mask = mask
        self.cookie = cookie
        self.name = name
    }

    var isDirectory: Bool { has(IN_ISDIR) }

    func has(_ bits: Int32) -> Bool { mask & UInt32(bitPattern: bits) != 0 }

    /// The kernel had no room for more.
    var isOverflow: Bool { has(IN_Q_OVERFLOW) }

    /// What is asked for: nothing of files that have no name any more, and directories alone.
    static let asked = UInt32(
        bitPattern: IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK
    )

    /// Those in what read(2) gave.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var offset = 0
        // struct inotify_event: watch (4), mask (4), cookie (4), length of the name with its NULs (4), name.
        while offset + 16 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let name = bytes[min(offset + 16, bytes.count)..<min(offset + 16 + length, bytes.count)]
            events.append(
                InotifyEvent(
                    watch: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self),
                    mask: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                    cookie: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self),
                    name: Array(name.prefix { $0 != 0 })
                )
            )
            offset += 16 + length
        }
        return events
    }
}
