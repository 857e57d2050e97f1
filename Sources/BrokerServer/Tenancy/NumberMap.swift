/// The uids or gids that exist in this process's user namespace: all of them on a host, often just 65,536 in a
/// container. A file cannot be given to any other.
struct NumberMap: Sendable, Hashable {
    private var ranges: [ClosedRange<UInt64>]

    /// Reads the text of /proc/self/uid_map: a line for each range, with its first number inside, its first number
    /// outside, and its length.
    init(_ text: String) {
        ranges = text.split(separator: "\n").compactMap { line in
            let numbers = line.split(separator: " ").compactMap { UInt32($0).map(UInt64.init) }
            guard numbers.count == 3, numbers[2] > 0 else { return nil }
            // None is above 32 bits: nothing overflows.
            return numbers[0]...numbers[0] + (numbers[2] - 1)
        }
    }

    /// Of this process; everything where the kernel does not say.
    static func ofProcess(_ file: String) -> NumberMap {
        let contents = try? SmallFile.read("/proc/self/\(file)", atMost: 1 << 20)
        let map = NumberMap(String(decoding: contents ?? [], as: UTF8.self))
        return map.ranges.isEmpty ? NumberMap("0 0 4294967295") : map
    }

    func contains(_ number: UInt32) -> Bool {
        ranges.contains { $0.contains(UInt64(number)) }
    }
}

extension NumberMap: CustomStringConvertible {
    /// `0-65535, 100000-165535`
    var description: String {
        ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}
