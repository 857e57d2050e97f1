internal import AgentBackend

/// What events mean.
extension WatchTree {
    mutating func received(_ event: DirectoryEvent) -> [Action] {
        switch event {
        case .appeared(let place, let isDirectory):
            return forEach(place) { $0.appeared(place.name, in: $1, isDirectory: isDirectory) }
        case .vanished(let place, let isDirectory):
            return forEach(place) { $0.vanished(place.name, in: $1, isDirectory: isDirectory) }
        case .displaced(let place):
            return forEach(place) { tree, node in
                guard let path = tree.toldPath(place.name, in: node, isDirectory: false) else { return [] }
                return [.look(FileChange(.modified, path))]
            }
        case .modified(let place, let isDirectory):
            return forEach(place) { $0.modified(place.name, in: $1, isDirectory: isDirectory) }
        case .moved(let from, let to, let isDirectory):
            return moved(from, to, isDirectory: isDirectory)
        case .gone(let watch):
            // Of others the directories that they are in tell.
            return nodesOf[watch]?.contains { isTop($0) } ?? false ? [ending] : []
        case .forgotten(let watch):
            let nodes = nodesOf.removeValue(forKey: watch) ?? []
            for node in nodes { directories[node]?.watch = nil }
            return nodes.contains { isTop($0) } ? [ending] : []
        }
    }

    private mutating func forEach(
        _ place: DirectoryEvent.Place,
        _ body: (inout WatchTree, Node) -> [Action]
    ) -> [Action] {
        // One directory may be known under two names for a while.
        (nodesOf[place.watch] ?? []).flatMap { body(&self, $0) }
    }

    /// Whether the watch ends with what has this name.
    private func isOnTheWay(_ name: [UInt8], in node: Node) -> Bool {
        guard let directory = directories[node], directory.isAbove else { return false }
        return directory.children[name] != nil
    }

    private mutating func appeared(_ name: [UInt8], in node: Node, isDirectory: Bool) -> [Action] {
        if isOnTheWay(name, in: node) { return [ending] }
        guard directories[node]?.isAbove == false else { return [] }
        if isDirectory, isWatched(name, in: node) {
            // Told when it is watched, so that whoever lists it then misses nothing.
            open(name, in: node)
            return []
        }
        let dropped = directories[node]?.children[name].map { drop($0) } ?? []
        return dropped + told(.created, name, in: node, isDirectory: isDirectory)
    }

    private mutating func vanished(_ name: [UInt8], in node: Node, isDirectory: Bool) -> [Action] {
        if isOnTheWay(name, in: node) { return [ending] }
        let dropped = directories[node]?.children[name].map { drop($0) } ?? []
        return dropped + told(.removed, name, in: node, isDirectory: isDirectory)
    }

    private mutating func modified(_ name: [UInt8], in node: Node, isDirectory: Bool) -> [Action] {
        guard isDirectory, directories[node]?.isAbove == false, isWatched(name, in: node) else {
            return told(.modified, name, in: node, isDirectory: isDirectory)
        }
        if let child = directories[node]?.children[name], directories[child]?.watch != nil {
            return told(.modified, name, in: node, isDirectory: true)
        }
        // It may be open to be read from now on.
        open(name, in: node)
        return []
    }

    private mutating func moved(
        _ from: DirectoryEvent.Place,
        _ to: DirectoryEvent.Place,
        isDirectory: Bool
    ) -> [Action] {
        let (sources, targets) = (nodesOf[from.watch] ?? [], nodesOf[to.watch] ?? [])
        guard sources.count == 1, targets.count == 1, let source = sources.first, let target = targets.first,
            directories[source]?.isAbove == false, directories[target]?.isAbove == false
        else {
            return received(.vanished(from, isDirectory: isDirectory))
                + received(.appeared(to, isDirectory: isDirectory))
        }
        let paths = (
            toldPath(from.name, in: source, isDirectory: isDirectory),
            toldPath(to.name, in: target, isDirectory: isDirectory)
        )
        guard let oldPath = paths.0, let newPath = paths.1, !isDirectory || options.includes.isEmpty else {
            return vanished(from.name, in: source, isDirectory: isDirectory)
                + appeared(to.name, in: target, isDirectory: isDirectory)
        }
        var actions: [Action] = []
        if from != to, let replaced = directories[target]?.children[to.name] { actions += drop(replaced) }
        if isDirectory, options.isRecursive {
            // What is known may be older than that: a place within itself is none.
            guard let child = directories[source]?.children[from.name], !isNode(target, within: child) else {
                return actions + vanished(from.name, in: source, isDirectory: true)
                    + appeared(to.name, in: target, isDirectory: true)
            }
            move(child, to: to.name, in: target)
            // Another directory may have the name by now.
            reopen(child)
        }
        return actions + [.tell(FileChange(.moved, newPath, from: oldPath, isDirectory: isDirectory))]
    }
}
