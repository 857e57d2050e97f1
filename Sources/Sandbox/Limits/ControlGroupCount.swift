internal import Glibc
internal import Synchronization

/// A number that the kernel counts in a control group. Safe to use from any thread.
///
/// Its file stays open from the first look until ``end()``: two looks for every command then cost next to nothing.
final class ControlGroupCount: Sendable {
    private struct State: ~Copyable {
        var file: OwnedDescriptor?
        /// Set by ``end()``.
        var last: UInt64?
    }

    private let path: String
    /// What the number follows, at the beginning of a line.
    private let name: String
    private let state = Mutex(State())

    init(_ name: String, in path: String) {
        self.name = name
        self.path = path
    }

    /// Zero where it is not counted.
    var value: UInt64 {
        state.withLock { state in
            if let last = state.last { return last }
            if state.file == nil {
                let opened = open(path, O_RDONLY | O_CLOEXEC)
                guard opened >= 0 else { return 0 }
                state.file = OwnedDescriptor(opened)
            }
            return ControlGroupFile.number(name, in: Self.text(state.file))
        }
    }

    /// The group is about to be removed: the number stays as it is, however long somebody keeps it.
    func end() {
        let last = value
        state.withLock { state in
            state.last = last
            state.file = nil
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
