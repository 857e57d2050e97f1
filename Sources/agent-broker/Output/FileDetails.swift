import AgentBackend
import Glibc

/// One line about a file, as `ls -l` has it.
struct FileDetails {
    let info: FileInfo

    /// `-rw-r--r--         17 2026-01-31T12:00:00Z`
    var text: String {
        let size = String(info.size)
        let padding = String(repeating: " ", count: max(0, 12 - size.utf8.count))
        return "\(typeLetter)\(permissions) \(padding)\(size) \(Self.time(info.modifiedNanoseconds))"
    }

    static func octal(_ permissions: UInt32) -> String {
        let digits = String(permissions, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }

    private var typeLetter: Character {
        switch info.kind {
        case .regular: "-"
        case .directory: "d"
        case .symbolicLink: "l"
        case .fifo: "p"
        case .socket: "s"
        case .characterDevice: "c"
        case .blockDevice: "b"
        case nil: "?"
        }
    }

    private var permissions: String {
        var letters = ""
        for (shift, special): (UInt32, UInt32) in [(6, 0o4000), (3, 0o2000), (0, 0o1000)] {
            let bits = info.permissions >> shift
            let specialLetter = shift == 0 ? "t" : "s"
            letters += bits & 4 != 0 ? "r" : "-"
            letters += bits & 2 != 0 ? "w" : "-"
            switch (bits & 1 != 0, info.permissions & special != 0) {
            case (true, true): letters += specialLetter
            case (false, true): letters += specialLetter.uppercased()
            case (true, false): letters += "x"
            case (false, false): letters += "-"
            }
        }
        return letters
    }

    /// `2026-01-31T12:00:00Z`
    static func time(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var calendar = tm()
        gmtime_r(&seconds, &calendar)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &calendar)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension FileInfo.Kind {
    /// As `find -type` and `stat` have it, in one word.
    var name: String {
        switch self {
        case .regular: "file"
        case .directory: "directory"
        case .symbolicLink: "symlink"
        case .fifo: "fifo"
        case .socket: "socket"
        case .characterDevice: "character-device"
        case .blockDevice: "block-device"
        }
    }
}
