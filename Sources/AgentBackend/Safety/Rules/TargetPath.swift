/// The place that a word of a command line names, as far as the text tells.
///
/// Absolute, as a command sees it: its home and the root of its scope are `/workspace`.
struct TargetPath: Sendable, Hashable {
    /// Places that nobody means to remove.
    enum Place: Sendable {
        /// `/`, or all in it.
        case root
        /// A directory that the system or other users live in, or all in it.
        case system
        /// `/workspace`, or all in it.
        case workspace
    }

    private var names: [[UInt8]]

    static let root = TargetPath(names: [])
    static let workspace = TargetPath(names: [workspaceName])

    init(_ path: WorkspacePath) {
        names = [Self.workspaceName] + path.bytes.split(separator: slash).map(Array.init)
    }

    private init(names: [[UInt8]]) {
        self.names = names
    }

    /// `directory`: what a relative word is relative to, nil where that is not known. Nil: the text does not tell.
    init?(_ word: ShellWord, in directory: TargetPath?) {
        self.init(word.pieces[...], in: directory)
    }

    /// What of a word follows `prefix`. Nil: it does not begin so.
    init?(_ word: ShellWord, after prefix: String, in directory: TargetPath?) {
        guard case .text(let text) = word.pieces.first, text.starts(with: prefix.utf8) else { return nil }
        let rest = ShellWord.Piece.text(Array(text.dropFirst(prefix.utf8.count)))
        self.init(([rest] + word.pieces.dropFirst())[...], in: directory)
    }

    private init?(_ pieces: ArraySlice<ShellWord.Piece>, in directory: TargetPath?) {
        let path: [UInt8]
        switch pieces.first {
        case .home(let user):
            // That of somebody else is a directory of the system.
            names = user.isEmpty ? Self.workspace.names : [Array("home".utf8)]
            path = Self.flat(pieces.dropFirst())
        case .parameter(let name):
            path = Self.flat(pieces.dropFirst())
            guard path.isEmpty || path.first == slash else { return nil }
            if name.elementsEqual("HOME".utf8) {
                names = Self.workspace.names
            } else if name.elementsEqual("PWD".utf8), let directory {
                names = directory.names
            } else {
                return nil
            }
        case .text, .wildcard:
            path = Self.flat(pieces)
            if path.first == slash {
                names = []
            } else if let directory, !path.isEmpty {
                names = directory.names
            } else {
                return nil
            }
        case .script, nil:
            return nil
        }
        guard append(path) else { return nil }
    }

    /// False: it is too deep to be any of the places.
    private mutating func append(_ path: [UInt8]) -> Bool {
        for name in path.split(separator: slash) where !name.elementsEqual(".".utf8) {
            if name.elementsEqual("..".utf8) {
                _ = names.popLast()
            } else {
                guard names.count < Self.maximumDepth else { return false }
                names.append(Array(name))
            }
        }
        return true
    }

    /// What it means to work on it and all beneath it. Nil: nothing out of the ordinary.
    var place: Place? {
        var names = names
        while let last = names.last, Self.isEverything(last) { names.removeLast() }
        guard let first = names.first else { return .root }
        guard names.count == 1 else { return nil }
        if first == Self.workspaceName { return .workspace }
        return Self.systemNames.contains(first) ? .system : nil
    }

    /// A file of /dev, but for those that hold nothing.
    var isDevice: Bool {
        names.count >= 2 && names[0].elementsEqual("dev".utf8) && !Self.harmlessDevices.contains(names[1])
    }

    // MARK: Bytes

    /// Stand for what the shell expands. No text holds them: they become the last one.
    private static let star: UInt8 = 0
    private static let questionMark: UInt8 = 1
    private static let unknown: UInt8 = 2

    private static func flat(_ pieces: ArraySlice<ShellWord.Piece>) -> [UInt8] {
        pieces.reduce(into: []) { path, piece in
            switch piece {
            case .text(let text): path += text.map { max($0, unknown) }
            case .wildcard(let byte): path.append(byte == UInt8(ascii: "*") ? star : questionMark)
            case .home, .parameter, .script: path.append(unknown)
            }
        }
    }

    /// `*`, `?*`, `.*` and the like.
    private static func isEverything(_ name: [UInt8]) -> Bool {
        let pattern = name.first == UInt8(ascii: ".") ? name.dropFirst() : name[...]
        return pattern.contains(star) && pattern.allSatisfy { $0 <= questionMark }
    }

    private static let maximumDepth = 64
    private static let workspaceName = Array(WorkspacePath.rootName.utf8.dropFirst())
    private static let systemNames = Set(
        [
            "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "proc", "root", "sbin", "sys", "usr", "var",
        ].map { Array($0.utf8) }
    )
    private static let harmlessDevices = Set(
        [
            "null", "zero", "full", "random", "urandom", "stdin", "stdout", "stderr", "tty", "ptmx", "pts", "fd", "shm",
            "mqueue", "tcp", "udp",
        ].map { Array($0.utf8) }
    )
}

private let slash = UInt8(ascii: "/")
