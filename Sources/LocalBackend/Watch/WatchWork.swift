internal import AgentBackend
internal import CLinux
internal import DequeModule
internal import Glibc

/// What a watch does on file threads: opens directories and lists them, and makes changes of events. A value that is
/// driven turn by turn.
struct WatchWork {
    /// What a turn works with.
    struct Tools {
        let access: DirectoryAccess
        let cancellation: FileCancellation
        let add: (FileDescriptorHandle) throws(WatchFailure) -> InotifyEvent.Watch
        let remove: (InotifyEvent.Watch) -> Void
    }

    enum Next {
        case changes([FileChange])
        /// A turn is needed.
        case turn
        /// Nothing is to be done before there are events.
        case wait
        case end
    }

    private enum End {
        case none
        /// This is told, and nothing after it.
        case last(FileChange)
        case told
    }

    private var tree: WatchTree
    private var queue: WatchQueue
    private var events: Deque<DirectoryEvent> = []
    private var end = End.none
    /// Changes that are told to be missing once all directories are found again.
    private var missing: UInt64?
    /// Times that the same directory could not be opened because others renamed something.
    private var races = 0

    /// All directories have been found: everything is told from here on.
    var isReady: Bool { tree.isTelling }

    init(_ options: WatchOptions, at place: WorkspacePath, _ limits: WatchShare.Limits) {
        tree = WatchTree(options, at: place, maximumNodes: limits.directories)
        queue = WatchQueue(of: options.path, capacity: limits.waitingChanges)
    }

    /// - Parameter hasEvents: Some have come.
    mutating func next(hasEvents: Bool) -> Next {
        if !queue.isEmpty { return .changes(queue.take()) }
        switch end {
        case .none: return tree.isTelling && events.isEmpty && !hasEvents ? .wait : .turn
        case .last(let change):
            end = .told
            return .changes([change])
        case .told: return .end
        }
    }

    /// Goes on until the turn is over, there is much to tell, or nothing left to do. `inbox` lends what has come. Throws
    /// what ends the watch.
    mutating func advance(
        _ tools: Tools,
        _ inbox: ((inout WatchInbox) -> Void) -> Void
    ) throws(BackendError) {
        var turn = FileTurn()
        while case .none = end, !turn.isOver() {
            if let (node, path) = tree.nextToOpen() {
                try open(node, path, tools)
                guard !tree.isTooLarge else { throw .tooManyDirectories }
            } else if !tree.isTelling {
                tree.startTelling()
                if let missing { queue.overflow(missing) }
                missing = nil
            } else if let event = events.popFirst() {
                try perform(tree.received(event), tools)
            } else {
                guard queue.isEmpty else { return }
                var (new, lost): ([InotifyEvent], UInt64?) = ([], nil)
                inbox { (new, lost) = ($0.take(), $0.takeLoss()) }
                if let lost {
                    missing = lost
                    try perform(tree.restart(), tools)
                } else {
                    events = Deque(DirectoryEvent.all(in: new))
                    guard !events.isEmpty else { return }
                }
            }
        }
    }

    private mutating func open(_ node: WatchTree.Node, _ path: WorkspacePath, _ tools: Tools) throws(BackendError) {
        let directory: FileDescriptorHandle
        let watch: WatchTree.Watch
        do throws(WatchFailure) {
            directory = try tools.access.openListed(path)
            watch = try tools.add(directory)
        } catch {
            switch error {
            case .ended: throw .watchCancelled
            case .refused(let refusal): throw refusal
            case .errno(let number) where number == EAGAIN || number == EXDEV:
                // Something on the way was renamed meanwhile.
                races += 1
                guard races < Self.mostRaces else { return try failed(node, tools) }
                tree.reopen(node)
            case .errno(let number) where number == EMFILE || number == ENFILE || number == ENOMEM:
                throw BackendError(.lsFailed, errno: number, path)
            case .errno: try failed(node, tools)
            }
            return
        }
        races = 0
        let (actions, isNew) = tree.opened(node, watch)
        try perform(actions, tools)
        if isNew, tree.isListed(node) { try list(directory, node, tools) }
    }

    private mutating func failed(_ node: WatchTree.Node, _ tools: Tools) throws(BackendError) {
        races = 0
        try perform(tree.couldNotOpen(node), tools)
    }

    private mutating func list(
        _ directory: FileDescriptorHandle,
        _ node: WatchTree.Node,
        _ tools: Tools
    ) throws(BackendError) {
        do throws(DirectoryAccess.Failure) {
            try directory.forEachEntry(tools.cancellation) { name, type throws(DirectoryAccess.Failure) in
                let isDirectory = directory.kind(of: name, type) == .directory
                for action in tree.found(Array(name), in: node, isDirectory: isDirectory) {
                    if case .tell(let change) = action { queue.add(change) }
                }
            }
        } catch .cancelled {
            // What was left out would be missing.
            missing = 0
            try perform(tree.restart(), tools)
            throw .watchCancelled
        } catch {
            try failed(node, tools)
        }
    }

    private mutating func perform(_ actions: [WatchTree.Action], _ tools: Tools) throws(BackendError) {
        for action in actions {
            switch action {
            case .tell(let change): queue.add(change)
            case .look(var change):
                if !tools.access.exists(change.path) { change.kind = .removed }
                queue.add(change)
            case .unwatch(let watch): tools.remove(watch)
            case .end(let change):
                guard case .none = end else { continue }
                end = .last(change)
            }
        }
    }

    private static let mostRaces = 64
}

extension DirectoryAccess {
    /// Opens a directory to be listed. No link is on the way.
    fileprivate func openListed(_ path: WorkspacePath) throws(WatchFailure) -> FileDescriptorHandle {
        let flags = UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory
        let descriptor = openBeneath(path, flags: flags, resolve: Self.resolvePlain)
        guard descriptor >= 0 else { throw .errno(-descriptor) }
        return FileDescriptorHandle(owning: descriptor)
    }

    /// Whether anything has the name now.
    fileprivate func exists(_ path: WorkspacePath) -> Bool {
        (try? withOpen(path, flags: linux_o_path | linux_o_nofollow) { _ in }) != nil
    }
}

extension BackendError {
    fileprivate static let tooManyDirectories = BackendError(
        .resourceExhausted,
        message: "there are more directories than may be watched: watch less, leave directories out, or have "
            + "watch.max_directories_per_org raised",
        operation: "watch"
    )
}
