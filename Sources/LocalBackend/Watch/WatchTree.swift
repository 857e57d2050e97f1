internal import AgentBackend
internal import DequeModule

/// The directories of one watch: which are watched under what number, which are still to be, and what their events mean.
///
/// Above the watched directory those up to the root of the scope are watched too, to hear when one of them goes. Makes
/// no system calls; ``WatchWork`` drives it. What it knows lags behind what is there, as events do: a directory is
/// opened by its name when its turn comes, and may be another one than the event was about. Later events set that
/// right, since each name that appears is opened anew.
struct WatchTree: Sendable {
    typealias Watch = InotifyEvent.Watch
    typealias Node = Int

    /// What the driver is to do next.
    enum Action: Sendable, Hashable {
        case tell(FileChange)
        /// Something may have taken the place of a file: tell whether it is modified or removed.
        case look(FileChange)
        /// Give a watch back.
        case unwatch(Watch)
        /// The watch ends with this.
        case end(FileChange)
    }

    struct Directory: Sendable {
        var parent: Node?
        var name: [UInt8]
        /// Nil: it is still to be opened, or may not be read.
        var watch: Watch?
        var children: [[UInt8]: Node] = [:]
        /// On the way from the root of the scope to the watched directory, which is not among them.
        let isAbove: Bool
    }

    let options: WatchOptions
    /// Where the watched directory is, by a path without links.
    private let place: WorkspacePath
    private let maximumNodes: Int
    var directories: [Node: Directory] = [:]
    var nodesOf: [Watch: [Node]] = [:]
    private var pending: Deque<Node> = []
    private var lastNode: Node = 0
    private var top: Node = 0
    private(set) var subject: Node = 0
    /// Changes are told. False while the directories are found that are there already.
    private(set) var isTelling = false
    /// There are more directories than may be watched.
    private(set) var isTooLarge = false

    init(_ options: WatchOptions, at place: WorkspacePath, maximumNodes: Int) {
        self.options = options
        self.place = place
        self.maximumNodes = maximumNodes
        begin()
    }

    private mutating func begin() {
        let names = place.bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
        var parent: Node?
        for level in 0...names.count {
            let name = level == 0 ? [] : names[level - 1]
            parent = add(name, in: parent, isAbove: level < names.count)
            if level == 0 { top = lastNode }
        }
        subject = lastNode
    }

    /// Forgets all that it knows and starts anew: events are missing.
    mutating func restart() -> [Action] {
        let watches = nodesOf.keys.map { Action.unwatch($0) }
        directories = [:]
        nodesOf = [:]
        pending = []
        isTelling = false
        begin()
        return watches
    }

    mutating func startTelling() {
        isTelling = true
    }

    // MARK: Directories that are to be opened

    /// The next one, by a path without links.
    mutating func nextToOpen() -> (node: Node, path: WorkspacePath)? {
        while let node = pending.popFirst() {
            guard directories[node] != nil else { continue }
            if let path = path(of: node) { return (node, path) }
            // Its path is longer than one can be.
            forget(node)
        }
        return nil
    }

    /// It was opened and is watched. `isNew`: what is in it has to be listed.
    mutating func opened(_ node: Node, _ watch: Watch) -> (actions: [Action], isNew: Bool) {
        guard let known = directories[node], known.watch != watch else { return ([], false) }
        var actions = release(node)
        if known.watch != nil {
            // Another directory has its name by now.
            for child in known.children.values { actions += drop(child) }
        }
        directories[node]?.watch = watch
        nodesOf[watch, default: []].append(node)
        if isTelling, node != subject, !known.isAbove { actions += told(.created, node, isDirectory: true) }
        return (actions, true)
    }

    /// It is not there, or may not be read.
    mutating func couldNotOpen(_ node: Node) -> [Action] {
        guard let directory = directories[node] else { return [] }
        if directory.isAbove || node == subject { return [ending] }
        return drop(node)
    }

    /// A name that was found in a directory that is new.
    mutating func found(_ name: [UInt8], in node: Node, isDirectory: Bool) -> [Action] {
        guard let directory = directories[node], !directory.isAbove else { return [] }
        if isDirectory, isWatched(name, in: node) {
            open(name, in: node)
            return []
        }
        return isTelling ? told(.created, name, in: node, isDirectory: isDirectory) : []
    }

    /// Whether what is in it is looked at.
    func isListed(_ node: Node) -> Bool { directories[node]?.isAbove == false }

    // MARK: Names

    /// Whether what is in a directory of the watched one is of interest.
    func isWatched(_ name: [UInt8], in node: Node) -> Bool {
        guard options.isRecursive, let inner = inner(name, in: node) else { return false }
        return !options.excludes(inner, isDirectory: true)
    }

    func told(_ kind: FileChange.Kind, _ name: [UInt8], in node: Node, isDirectory: Bool) -> [Action] {
        guard let path = toldPath(name, in: node, isDirectory: isDirectory) else { return [] }
        return [.tell(FileChange(kind, path, isDirectory: isDirectory))]
    }

    private func told(_ kind: FileChange.Kind, _ node: Node, isDirectory: Bool) -> [Action] {
        guard let directory = directories[node], let parent = directory.parent else { return [] }
        return told(kind, directory.name, in: parent, isDirectory: isDirectory)
    }

    /// Nil: changes of it are not told.
    func toldPath(_ name: [UInt8], in node: Node, isDirectory: Bool) -> WorkspacePath? {
        guard let inner = inner(name, in: node), options.tells(of: inner, isDirectory: isDirectory) else { return nil }
        return shown(inner)
    }

    /// Nil where that is longer than a path can be.
    private func shown(_ inner: WorkspacePath) -> WorkspacePath? {
        try? WorkspacePath(options.path.appending(inner).bytes)
    }

    /// From the watched directory on. Nil: not in there, or too long.
    private func inner(_ name: [UInt8], in node: Node) -> WorkspacePath? {
        names(of: node).flatMap { try? WorkspacePath(joining: $0 + [name]) }
    }

    private func names(of node: Node) -> [[UInt8]]? {
        var names: [[UInt8]] = []
        var node = node
        while node != subject {
            guard let directory = directories[node], !directory.isAbove, let parent = directory.parent else {
                return nil
            }
            names.append(directory.name)
            node = parent
        }
        return names.reversed()
    }

    private func path(of node: Node) -> WorkspacePath? {
        var names: [[UInt8]] = []
        var node = node
        while node != top, let directory = directories[node], let parent = directory.parent {
            names.append(directory.name)
            node = parent
        }
        return try? WorkspacePath(joining: names.reversed())
    }

    var ending: Action { .end(FileChange(.removed, options.path, isDirectory: true)) }

    func isTop(_ node: Node) -> Bool { node == top }

    // MARK: Nodes

    /// Has a directory opened, whether it is known or not.
    mutating func open(_ name: [UInt8], in parent: Node) {
        guard let known = directories[parent]?.children[name] else {
            _ = add(name, in: parent, isAbove: false)
            return
        }
        pending.append(known)
    }

    mutating func reopen(_ node: Node) {
        pending.append(node)
    }

    private mutating func add(_ name: [UInt8], in parent: Node?, isAbove: Bool) -> Node {
        guard directories.count < maximumNodes else {
            isTooLarge = true
            return lastNode
        }
        lastNode += 1
        directories[lastNode] = Directory(parent: parent, name: name, isAbove: isAbove)
        if let parent { directories[parent]?.children[name] = lastNode }
        pending.append(lastNode)
        return lastNode
    }

    /// With all that is in it.
    mutating func drop(_ node: Node) -> [Action] {
        var actions: [Action] = []
        var rest = [node]
        while let node = rest.popLast() {
            guard let directory = directories[node] else { continue }
            rest += directory.children.values
            actions += release(node)
            forget(node)
        }
        return actions
    }

    private mutating func forget(_ node: Node) {
        guard let directory = directories.removeValue(forKey: node), let parent = directory.parent else { return }
        if directories[parent]?.children[directory.name] == node { directories[parent]?.children[directory.name] = nil }
    }

    private mutating func release(_ node: Node) -> [Action] {
        guard let watch = directories[node]?.watch else { return [] }
        directories[node]?.watch = nil
        nodesOf[watch]?.removeAll { $0 == node }
        guard nodesOf[watch]?.isEmpty ?? false else { return [] }
        nodesOf[watch] = nil
        return [.unwatch(watch)]
    }

    /// Whether a directory is in another one, or is that.
    func isNode(_ node: Node, within outer: Node) -> Bool {
        var next: Node? = node
        while let node = next {
            if node == outer { return true }
            next = directories[node]?.parent
        }
        return false
    }

    /// Gives a directory another place, which is not in it.
    mutating func move(_ node: Node, to name: [UInt8], in parent: Node) {
        guard let directory = directories[node] else { return }
        if let old = directory.parent { directories[old]?.children[directory.name] = nil }
        directories[node]?.parent = parent
        directories[node]?.name = name
        directories[parent]?.children[name] = node
    }
}
