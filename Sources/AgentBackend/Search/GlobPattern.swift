/// A pattern for paths, as a shell with globstar understands it.
///
/// `*` and `?` stand for any characters and for one, `[a-z]` and `[!a-z]` for one of a set and for one that is not, `**`
/// as a whole name for any directories or none, and `{a,b}` for either; `\` takes the next character as it is. A leading
/// dot is matched by a dot alone, so that what is hidden stays out of `*` and `**`. A pattern without a slash matches
/// names at any depth; one with a slash begins at the directory that is searched, and a slash in front says no more than
/// that. One that ends in a slash matches directories alone.
///
/// Characters are those of UTF-8; a byte that is none is one of its own. A value; safe to share.
public struct GlobPattern: Sendable {
    /// Longest pattern, in bytes.
    public static let maximumLength = 4096
    /// Most names and alternatives that a pattern may come to when its braces are taken apart.
    public static let maximumSteps = 4096

    /// As it was given.
    public let bytes: [UInt8]
    /// The names of each alternative, one alternative after the other, each with its end.
    private let steps: [Step]
    /// What a path begins at.
    package let start: GlobState

    private enum Step: Sendable {
        /// `**`
        case anyDirectories
        case name(GlobName)
        case end(directoriesOnly: Bool)
    }

    /// Throws `INVALID_ARGUMENT` for an empty pattern, one that climbs by "..", and one that is too long.
    public init(_ bytes: [UInt8]) throws(BackendError) {
        guard bytes.count <= Self.maximumLength else {
            throw Self.refusal("is \(bytes.count) bytes long: at most \(Self.maximumLength) work", .tooLarge)
        }
        guard !bytes.contains(0) else { throw Self.refusal("holds a NUL byte: no file can be named so") }
        self.bytes = bytes
        let rooted = Array(WorkspacePath.withoutRoot(bytes[...]))
        let isAnchored = bytes.contains(Self.slash)
        var steps: [Step] = []
        var starts: [Int] = []
        guard let alternatives = BraceExpansion.expand(rooted, limit: Self.maximumSteps) else { throw Self.tooMany }
        for alternative in alternatives {
            let names = try Self.names(of: alternative)
            if names.isEmpty { continue }
            starts.append(steps.count)
            if !isAnchored { steps.append(.anyDirectories) }
            for (index, name) in names.enumerated() {
                guard name == Self.anyDepth else {
                    steps.append(.name(GlobName(name)))
                    continue
                }
                steps.append(.anyDirectories)
                // What is in them at the end, not they themselves.
                if index == names.count - 1 { steps.append(.name(GlobName(Self.anyName))) }
            }
            steps.append(.end(directoriesOnly: alternative.last == Self.slash))
            guard steps.count <= Self.maximumSteps else { throw Self.tooMany }
        }
        guard !starts.isEmpty else { throw Self.refusal("names nothing: give one such as *.txt or src/**") }
        self.steps = steps
        var start = GlobState()
        for index in starts { Self.enter(index, of: steps, &start) }
        self.start = start
    }

    public init(_ text: String) throws(BackendError) {
        try self.init(Array(text.utf8))
    }

    /// Whether it matches a path, given from the directory that is searched.
    ///
    /// - Parameters:
    ///   - isDirectory: Of the last name.
    ///   - includesHidden: `*`, `?`, sets and `**` match a leading dot as well.
    public func matches(_ path: WorkspacePath, isDirectory: Bool = false, includesHidden: Bool = false) -> Bool {
        walk(path, includesHidden: includesHidden) { name, state in
            matches(name, at: state, isDirectory: isDirectory, includesHidden: includesHidden)
        }
    }

    /// What `body` says of the last name of a path, and the state that the names before it lead to.
    func walk(
        _ path: WorkspacePath,
        includesHidden: Bool,
        _ body: (UnsafeRawBufferPointer, GlobState) -> Bool
    ) -> Bool {
        path.bytes.withUnsafeBytes { bytes in
            var state = start
            var names = bytes.split(separator: Self.slash)[...]
            guard let last = names.popLast() else { return false }
            for name in names {
                state = next(UnsafeRawBufferPointer(rebasing: name), after: state, includesHidden: includesHidden)
                if state.isEmpty { return false }
            }
            return body(UnsafeRawBufferPointer(rebasing: last), state)
        }
    }

    // MARK: Step by step, for who walks a tree

    /// Whether what has this name, in a directory that has been reached in this state, is matched.
    ///
    /// - Parameter filesOnly: Directories are matched only where the pattern ends in a slash.
    package func matches(
        _ name: UnsafeRawBufferPointer,
        at state: GlobState,
        isDirectory: Bool,
        includesHidden: Bool,
        filesOnly: Bool = false
    ) -> Bool {
        for index in state.steps {
            guard case .name(let pattern) = steps[index], case .end(let directoriesOnly) = steps[index + 1] else {
                continue
            }
            guard isDirectory ? directoriesOnly || !filesOnly : !directoriesOnly else { continue }
            if pattern.matches(name, includesHidden: includesHidden) { return true }
        }
        return false
    }

    /// The state in the directory of this name. One that is empty matches nothing there.
    package func next(
        _ name: UnsafeRawBufferPointer,
        after state: GlobState,
        includesHidden: Bool
    ) -> GlobState {
        var next = GlobState()
        for index in state.steps {
            switch steps[index] {
            case .anyDirectories:
                if includesHidden || name.first != Self.dot { Self.enter(index, of: steps, &next) }
            case .name(let pattern):
                if case .end = steps[index + 1] { continue }
                if pattern.matches(name, includesHidden: includesHidden) { Self.enter(index + 1, of: steps, &next) }
            case .end:
                continue
            }
        }
        return next
    }

    /// The only names that lead on from here, where the pattern says them: nothing else needs to be looked at.
    package func onlyNames(at state: GlobState) -> [[UInt8]]? {
        var names: [[UInt8]] = []
        for index in state.steps {
            guard case .name(let pattern) = steps[index], let literal = pattern.literal else { return nil }
            if !names.contains(literal) { names.append(literal) }
        }
        return names
    }

    private static func enter(_ index: Int, of steps: [Step], _ state: inout GlobState) {
        var index = index
        while true {
            if !state.steps.contains(index) { state.steps.append(index) }
            // No directory at all is one way too.
            guard case .anyDirectories = steps[index] else { return }
            index += 1
        }
    }

    private static func names(of alternative: [UInt8]) throws(BackendError) -> [[UInt8]] {
        var names: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in alternative {
            if byte == slash {
                // A slash is one, escaped or not.
                if isEscaped { names[names.count - 1].removeLast() }
                names.append([])
                isEscaped = false
                continue
            }
            names[names.count - 1].append(byte)
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        // An escaped dot is one too.
        names.removeAll { $0.isEmpty || GlobName($0).literal == [dot] }
        guard !names.contains(where: { GlobName($0).literal == [dot, dot] }) else {
            throw refusal("holds \"..\": name the directory to search in another way")
        }
        return names
    }

    private static func refusal(_ what: String, _ reason: BackendError.Reason? = nil) -> BackendError {
        BackendError(.invalidArgument, reason: reason, message: "the pattern \(what)")
    }

    private static let tooMany = refusal(
        "has more than \(maximumSteps) names when its braces are taken apart: use fewer",
        .tooLarge
    )
    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
    private static let anyName = [UInt8(ascii: "*")]
    private static let anyDepth = anyName + anyName
}

/// How far into a ``GlobPattern`` the way to a directory has led. A value.
package struct GlobState: Sendable, Hashable {
    fileprivate(set) var steps: [Int] = []

    package var isEmpty: Bool { steps.isEmpty }
}

extension GlobPattern: Hashable {
    public static func == (left: GlobPattern, right: GlobPattern) -> Bool { left.bytes == right.bytes }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
    }
}

extension GlobPattern: CustomStringConvertible {
    public var description: String { WorkspacePath.printable(bytes) }
}
