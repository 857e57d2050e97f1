import Foundation

/// Where the build put the programs that are tested, and the sources that it built them from.
enum BuiltProducts {
    struct Missing: Error, CustomStringConvertible {
        let path: String

        var description: String { "\(path) is not there: build it with `swift build --build-tests`" }
    }

    /// The directory of the test bundle: an argument of the process that runs it, or where that process's program is.
    static var directory: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: bundle ?? program ?? ".").deletingLastPathComponent().path
    }

    /// The path of a program, such as "agent-broker".
    static func program(_ name: String) throws -> String {
        let path = "\(directory)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Missing(path: path) }
        return path
    }

    /// The root of this package.
    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path
}
