import AgentBackend
import FoundationEssentials

/// Which org has which uid, for ever: an org that is gone keeps its own, so that no later one can reach files that
/// it left. A value; ``IdentityStore`` keeps it on disk.
struct IdentityTable: Sendable, Equatable {
    /// In the order of allocation.
    private(set) var entries: [Entry] = []

    struct Entry: Sendable, Equatable, Codable {
        var org: String
        var uid: UInt32
        var gid: UInt32
    }

    func identity(of org: String) -> HostIdentity? {
        entries.first { $0.org == org }.map { HostIdentity(uid: $0.uid, gid: $0.gid) }
    }

    /// Gives the org the lowest number of the range that no org ever had and `isTaken` does not refuse. nil when
    /// there is none left.
    mutating func allocate(
        for org: String,
        from range: Range<UInt32>,
        isTaken: (UInt32) -> Bool
    ) -> HostIdentity? {
        let used = Set(entries.flatMap { [$0.uid, $0.gid] })
        guard let id = range.first(where: { !used.contains($0) && !isTaken($0) }) else { return nil }
        entries.append(Entry(org: org, uid: id, gid: id))
        return HostIdentity(uid: id, gid: id)
    }
}

extension IdentityTable {
    static let formatVersion = 1

    private struct File: Codable {
        var version: Int
        var identities: [Entry]
    }

    /// Why a file is no table, as the end of a sentence about the file.
    struct Fault: Error, Equatable {
        var message: String
    }

    init(decoding bytes: [UInt8]) throws(Fault) {
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(bytes))
        } catch {
            throw Fault(message: "is damaged")
        }
        guard file.version == Self.formatVersion else {
            throw Fault(message: "has format \(file.version), this broker knows \(Self.formatVersion)")
        }
        var orgs: Set<String> = []
        var ids: Set<UInt32> = []
        for entry in file.identities {
            guard Name.isValid(entry.org.utf8) else { throw Fault(message: "names an org that can be none") }
            guard entry.uid == entry.gid, entry.uid != 0 else {
                throw Fault(message: "gives org \(entry.org) a uid that is not its gid, or root's")
            }
            guard orgs.insert(entry.org).inserted, ids.insert(entry.uid).inserted else {
                throw Fault(message: "names org \(entry.org) or uid \(entry.uid) twice")
            }
        }
        entries = file.identities
    }

    func encode() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return Array(try encoder.encode(File(version: Self.formatVersion, identities: entries))) + [UInt8(ascii: "\n")]
    }
}
