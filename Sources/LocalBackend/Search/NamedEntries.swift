internal import AgentBackend
internal import Glibc

/// A name in a directory, and what it is.
struct NamedEntry: Sendable {
    let name: [UInt8]
    /// Nil for a kind that this build does not know.
    let kind: FileInfo.Kind?
}

/// Names of a directory, and what they are, one behind the other in one piece of memory: what a walk meets in thousands
/// is not worth an object for each.
struct NamedEntries: Sendable {
    private struct Place {
        /// The first bytes of the name as a number that sorts as they do: two names mostly differ there already.
        let beginning: UInt64
        let start: UInt32
        let length: UInt32
        let kind: FileInfo.Kind?
    }

    private var bytes: [UInt8] = []
    private var places: [Place] = []

    mutating func append(_ name: UnsafeRawBufferPointer, _ kind: FileInfo.Kind?) {
        places.append(
            Place(
                beginning: name.beginning,
                start: UInt32(bytes.count),
                length: UInt32(name.count),
                kind: kind
            )
        )
        bytes.append(contentsOf: name)
    }

    func kind(at index: Int) -> FileInfo.Kind? { places[index].kind }

    /// Hands over the name, which is good for as long as `body` runs.
    func withName<Value>(at index: Int, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        let place = places[index]
        return bytes.withUnsafeBytes { body($0.name(at: place.start, place.length)) }
    }

    /// By the bytes of the names.
    mutating func sort() {
        let bytes = bytes
        bytes.withUnsafeBytes { bytes in
            places.sort { left, right in
                guard left.beginning == right.beginning else { return left.beginning < right.beginning }
                return bytes.name(at: left.start, left.length).precedes(bytes.name(at: right.start, right.length))
            }
        }
    }

    /// Drops all but so many, with their memory.
    mutating func keep(first count: Int) {
        var kept = NamedEntries()
        for index in places.indices.prefix(count) {
            withName(at: index) { kept.append($0, places[index].kind) }
        }
        self = kept
    }
}

extension NamedEntries: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { places.count }

    subscript(index: Int) -> NamedEntry {
        NamedEntry(name: withName(at: index) { Array($0) }, kind: kind(at: index))
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func name(at start: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[Int(start)..<Int(start + length)])
    }

    /// The first eight bytes, the first one the most significant; of a shorter name with zeros behind it, which are in no
    /// name.
    fileprivate var beginning: UInt64 {
        guard count < 8 else { return UInt64(bigEndian: loadUnaligned(as: UInt64.self)) }
        return reduce(0) { $0 << 8 | UInt64($1) } << UInt64(8 * (8 - count))
    }

    /// As `lexicographicallyPrecedes`, in one call.
    fileprivate func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        guard let left = baseAddress, let right = other.baseAddress else { return count < other.count }
        let order = memcmp(left, right, Swift.min(count, other.count))
        return order == 0 ? count < other.count : order < 0
    }
}
