internal import Glibc
internal import Synchronization

/// A number that the kernel counts in a control group. Safe to use from any thread.
///
/// Its file stays open from the first look on: two looks for every command then cost next to nothing.
final class ControlGroupCount: Sendable {
    private let path: String
    /// What the number follows, at the beginning of a line.
    private let name: String
    private let file = Mutex<OwnedDescriptor?>(nil)

    init(_ name: String, in path: String) {
        self.name = name
        self.path = path
    }

    /// Zero where it is not counted.
    var value: UInt64 {
        file.withLock { file in
            if file == nil {
                let opened = open(path, O_RDONLY | O_CLOEXEC)
                guard opened >= 0 else { return 0 }
                file = OwnedDescriptor(opened)
            }
            return ControlGroupFile.number(name, in: Self.text(file))
        }
    }

    /// From its beginning each time.
    private static func text(_ file: borrowing OwnedDescriptor?) -> String {
        switch file {
        case .some(let file):
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = bytes.withUnsafeMutableBytes { pread(file.rawValue, $0.baseAddress, $0.count, 0) }
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        case .none:
            return ""
        }
    }
}
