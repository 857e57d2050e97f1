import AgentBackend
import Glibc
import Testing

@testable import LocalBackend

/// What events mean, without a kernel.
@Suite struct WatchTreeTests {
    private func tree(_ place: String = "", opened names: [String: Int32], limit: Int = 100) throws -> WatchTree {
        let path = try WorkspacePath(place)
        var tree = WatchTree(WatchOptions(path: path), at: path, maximumNodes: limit)
        while let (node, path) = tree.nextToOpen() {
            let name = String(decoding: path.bytes, as: UTF8.self)
            let (_, isNew) = tree.opened(node, try #require(names[name]))
            guard isNew, tree.isListed(node) else { continue }
            for other in names.keys.sorted() {
                let found = try WorkspacePath(other)
                guard let (parent, last) = found.parentAndName, parent == path else { continue }
                #expect(tree.found(last, in: node, isDirectory: true) == [])
            }
        }
        tree.startTelling()
        return tree
    }

    private func place(_ watch: Int32, _ name: String) -> DirectoryEvent.Place {
        DirectoryEvent.Place(watch: watch, name: Array(name.utf8))
    }

    private func change(
        _ kind: FileChange.Kind,
        _ path: String,
        from: String? = nil,
        isDirectory: Bool = false
    ) throws -> WatchTree.Action {
        .tell(
            FileChange(kind, try WorkspacePath(path), from: try from.map(WorkspacePath.init), isDirectory: isDirectory)
        )
    }

    @Test func theTwoEndsOfARenamingAreOneEvent() {
        let name = Array("a".utf8)
        let other = Array("b".utf8)
        let events = [
            InotifyEvent(1, IN_MOVED_FROM, cookie: 7, name: name), InotifyEvent(2, IN_CREATE, name: other),
            InotifyEvent(2, IN_MOVED_TO, cookie: 7, name: other), InotifyEvent(1, IN_MOVED_TO, cookie: 8, name: name),
            InotifyEvent(1, IN_MOVED_FROM, cookie: 9, name: name),
            InotifyEvent(1, IN_MOVED_FROM | IN_ISDIR, cookie: 10, name: name),
        ]
        #expect(
            DirectoryEvent.all(in: events) == [
                .moved(from: place(1, "a"), to: place(2, "b"), isDirectory: false),
                .appeared(place(2, "b"), isDirectory: false), .displaced(place(1, "a")),
                .vanished(place(1, "a"), isDirectory: true),
            ]
        )
        #expect(DirectoryEvent.awaitsPartner(events[0], after: nil))
        #expect(!DirectoryEvent.awaitsPartner(events[2], after: events[0]))
        #expect(DirectoryEvent.awaitsPartner(events[3], after: events[2]))
        #expect(!DirectoryEvent.awaitsPartner(events[4], after: events[3]), "they are one already")
        #expect(DirectoryEvent.awaitsPartner(events[5], after: events[3]))
    }

    @Test func aDirectoryThatIsMovedOutIsForgotten() throws {
        var tree = try tree(opened: ["": 1, "a": 2, "a/b": 3])
        let actions = tree.received(.vanished(place(1, "a"), isDirectory: true))
        #expect(try Set(actions) == [.unwatch(2), .unwatch(3), change(.removed, "a", isDirectory: true)])
        #expect(tree.received(.appeared(place(3, "secret"), isDirectory: false)) == [])
        #expect(tree.received(.appeared(place(2, "secret"), isDirectory: true)) == [])
        #expect(tree.nextToOpen() == nil)
    }

    @Test func aDirectoryThatIsMovedWithinIsLookedAtAgain() throws {
        var tree = try tree(opened: ["": 1, "a": 2, "a/b": 3, "c": 4])
        let moved = tree.received(.moved(from: place(1, "a"), to: place(4, "d"), isDirectory: true))
        #expect(try moved == [change(.moved, "c/d", from: "a", isDirectory: true)])
        #expect(try tree.received(.appeared(place(3, "f"), isDirectory: false)) == [change(.created, "c/d/b/f")])
        let nextNode = tree.nextToOpen()
        let (node, path) = try #require(nextNode)
        #expect(path == (try WorkspacePath("c/d")))
        // Another one has the name by now.
        let (actions, isNew) = tree.opened(node, 9)
        #expect(try isNew && Set(actions) == [.unwatch(2), .unwatch(3), change(.created, "c/d", isDirectory: true)])
        #expect(tree.received(.appeared(place(3, "g"), isDirectory: false)) == [])
        #expect(try tree.received(.appeared(place(9, "g"), isDirectory: false)) == [change(.created, "c/d/g")])
    }

    @Test func aDirectoryIsToldOnceItIsWatched() throws {
        var tree = try tree(opened: ["": 1])
        #expect(tree.received(.appeared(place(1, "a"), isDirectory: true)) == [])
        let nextNode = tree.nextToOpen()
        let (node, _) = try #require(nextNode)
        let (actions, isNew) = tree.opened(node, 2)
        #expect(try isNew && actions == [change(.created, "a", isDirectory: true)])
        let found = tree.found(Array("f".utf8), in: node, isDirectory: false)
        #expect(try found == [change(.created, "a/f")])
        #expect(tree.received(.appeared(place(1, "a"), isDirectory: true)) == [])
        let nextAgain = tree.nextToOpen()
        let (again, _) = try #require(nextAgain)
        let known = tree.opened(again, 2)
        #expect(!known.isNew && known.actions == [])
    }

    @Test func itEndsWhenAnythingOnTheWayGoes() throws {
        let end = WatchTree.Action.end(FileChange(.removed, try WorkspacePath("a/b"), isDirectory: true))
        let whole = try tree("a/b", opened: ["": 1, "a": 2, "a/b": 3])
        let events: [DirectoryEvent] = [
            .vanished(place(1, "a"), isDirectory: true), .vanished(place(2, "b"), isDirectory: true),
            .moved(from: place(1, "a"), to: place(1, "x"), isDirectory: true), .gone(1), .forgotten(1),
        ]
        for event in events {
            var tree = whole
            #expect(tree.received(event).first == end, "\(event)")
        }
        var tree = whole
        #expect(tree.received(.vanished(place(1, "other"), isDirectory: true)) == [])
        #expect(tree.received(.appeared(place(2, "other"), isDirectory: false)) == [])
    }

    @Test func itStartsAnew() throws {
        var tree = try tree(opened: ["": 1, "a": 2])
        #expect(Set(tree.restart()) == [.unwatch(1), .unwatch(2)])
        #expect(!tree.isTelling && tree.received(.appeared(place(2, "f"), isDirectory: false)) == [])
        #expect(tree.nextToOpen()?.path == .root)
    }

    @Test func thereAreNoMoreDirectoriesThanMayBe() throws {
        var tree = try tree(opened: ["": 1, "a": 2], limit: 2)
        #expect(!tree.isTooLarge)
        _ = tree.received(.appeared(place(1, "b"), isDirectory: true))
        #expect(tree.isTooLarge)
    }

    @Test func anInboxDropsAllAtOnceAndCounts() {
        var inbox = WatchInbox(capacity: 3)
        let modified = InotifyEvent(1, IN_MODIFY, name: [0x61])
        inbox.add([modified, modified, InotifyEvent(1, IN_CREATE, name: [0x62]), modified])
        #expect(inbox.take().count == 3 && inbox.takeLoss() == nil)
        inbox.add((0..<5).map { InotifyEvent(1, IN_CREATE, name: [UInt8($0)]) })
        #expect(inbox.take() == [] && inbox.takeLoss() == 5 && inbox.isEmpty)
    }
}
