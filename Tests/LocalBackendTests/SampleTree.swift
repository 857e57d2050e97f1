import Foundation
import Testing

@testable import LocalBackend

/// A tree of files with names that patterns have trouble with, made from a seed.
struct SampleTree {
    /// Every word of patterns and names.
    static let words = [
        "a", "b", "ab", "abc", "a.txt", "b.txt", "c.md", ".a", ".txt", "x y", "é.txt", "[a]", "*", "{a,b}", "-", "a-b",
    ]

    private var random: Numbers

    init(seed: UInt64) {
        random = Numbers(seed: seed)
    }

    /// Makes about `count` files beneath the fixture's root.
    mutating func make(in fixture: LocalFixture, count: Int) throws {
        var directories = [""]
        for number in 0..<count {
            let parent = directories[random.next(below: directories.count)]
            let name = Self.words[random.next(below: Self.words.count)] + (number % 3 == 0 ? "\(number % 50)" : "")
            let path = parent.isEmpty ? name : parent + "/" + name
            guard fixture.status(path) == nil else { continue }
            if random.next(below: 5) == 0, path.count < 200 {
                try fixture.makeDirectory(path)
                directories.append(path)
            } else {
                try fixture.makeFile(path, "")
            }
        }
    }

    mutating func pattern() -> String {
        var names: [String] = []
        for _ in 0...random.next(below: 3) {
            switch random.next(below: 6) {
            case 0: names.append("**")
            case 1: names.append("*")
            default:
                names.append(
                    (0...random.next(below: 3)).map { _ in Self.pieces[random.next(below: Self.pieces.count)] }.joined()
                )
            }
        }
        return names.joined(separator: "/")
    }

    private static let pieces = [
        "a", "b", "*", "?", "[ab]", "[!a]", "[a-c]", "{a,b}", "{.txt,.md}", ".a", "txt", "*.", "{a,{b,c}*}", "\\*", "x",
        "é", "1",
        "[!.]", "[[:digit:]]", "b{,a}", "-",
    ]
}

/// Numbers from a seed: the same on every run.
struct Numbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// Runs a program in the fixture's root and returns what it writes.
func output(of program: String, _ arguments: [String], in fixture: LocalFixture) async throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: fixture.root)
    process.environment = ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return data
}
