import Foundation
import Glibc

/// A program that this process started, with files beneath a directory for what it reads and writes: nothing it
/// writes can block it, and all of it can be looked at afterwards.
///
/// Safe to share. Whoever starts it awaits ``exit()``.
final class ChildProcess: Sendable {
    /// How a program ended and what it wrote.
    struct Result: Sendable, CustomStringConvertible {
        /// As a shell reports it: 128 + n for one that signal n ended.
        let status: Int32
        let output: Data
        let errors: Data

        var text: String { String(decoding: output, as: UTF8.self) }
        var errorText: String { String(decoding: errors, as: UTF8.self) }
        var description: String { "status \(status), output \(text.prefix(500)), errors \(errorText.prefix(500))" }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    private let exits: AsyncStream<Int32>
    private let directory: String

    /// - Parameters:
    ///   - environment: All of it; nil: that of this process.
    ///   - input: What the program finds on its standard input. Ignored where there is an `inputPipe`.
    ///   - inputDescriptor: Its standard input, in place of all else.
    ///   - inputPipe: Its standard input. The end for writing is the caller's to close.
    ///   - outputPipe: Its standard output, in place of the file.
    ///   - errorPipe: Its standard error, in the same way.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String]? = nil,
        directory working: String? = nil,
        input: Data = Data(),
        inputDescriptor: FileHandle? = nil,
        inputPipe: Pipe? = nil,
        outputPipe: Pipe? = nil,
        errorPipe: Pipe? = nil
    ) throws {
        // A child that ends before it has read its input is no reason to die.
        signal(SIGPIPE, SIG_IGN)
        let directory = "/tmp/broker-child-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        if let environment { process.environment = environment }
        if let working { process.currentDirectoryURL = URL(fileURLWithPath: working) }
        let (exits, end) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            let isSignal = process.terminationReason == .uncaughtSignal
            end.yield(isSignal ? 128 + process.terminationStatus : process.terminationStatus)
            end.finish()
        }
        do {
            let files = try ["in", "out", "err"].map { name in
                let url = URL(fileURLWithPath: "\(directory)/\(name)")
                try (name == "in" ? input : Data()).write(to: url)
                return name == "in" ? try FileHandle(forReadingFrom: url) : try FileHandle(forWritingTo: url)
            }
            process.standardInput = inputDescriptor ?? inputPipe ?? files[0]
            process.standardOutput = outputPipe ?? files[1]
            process.standardError = errorPipe ?? files[2]
            try process.run()
            for file in files { try file.close() }
        } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
        self.directory = directory
        pid = process.processIdentifier
        self.exits = exits
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func send(_ signal: Int32) {
        kill(pid, signal)
    }

    /// What it has written to standard error until now.
    var errorsSoFar: String { String(decoding: contents(of: "err"), as: UTF8.self) }

    /// Waits for its end. Once.
    func exit() async throws -> Result {
        for await status in exits {
            return Result(status: status, output: contents(of: "out"), errors: contents(of: "err"))
        }
        throw Failure(description: "the wait for process \(pid) was called off")
    }

    private func contents(of name: String) -> Data {
        FileManager.default.contents(atPath: "\(directory)/\(name)") ?? Data()
    }

    /// Runs a program to its end.
    static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String]? = nil,
        directory: String? = nil,
        input: Data = Data()
    ) async throws -> Result {
        try await ChildProcess(
            program,
            arguments,
            environment: environment,
            directory: directory,
            input: input
        ).exit()
    }

    /// Runs a line of shell and throws where it fails.
    @discardableResult
    static func shell(
        _ line: String,
        in directory: String? = nil,
        environment: [String: String]? = nil
    ) async throws -> String {
        let result = try await run("/bin/sh", ["-c", line], environment: environment, directory: directory)
        guard result.status == 0 else { throw Failure(description: "\(line): \(result)") }
        return result.text
    }
}

extension Pipe {
    /// Waits for so many bytes of what is written into it; fewer at its end.
    func read(_ count: Int) async throws -> Data {
        let handle = fileHandleForReading
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Swift.Result { try handle.read(upToCount: count) ?? Data() })
            }
        }
    }
}
