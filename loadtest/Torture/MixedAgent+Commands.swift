internal import AgentBackend
internal import BrokerClient
internal import NIOCore

extension MixedAgent {
    /// A command that reads a file as the broker's file operations left it, says who it is, and exits with a code.
    mutating func command() async throws -> Int {
        let (key, file, code) = (choice(Self.keys), choice(Self.filesOfKey), UInt32(choice(4)))
        let mark = "\(number)-\(newVersion())"
        let name = try path(file)
        let line = "cat '\(name)' 2>/dev/null; printf '%s' \"$MARK\" >&2; exit \(code)"
        let result = try await connected().run(
            ExecRequest(.shellLine(Array(line.utf8)), environment: try Environment(["MARK": mark])),
            on: target(key)
        )
        try check(result.exitCode == code, "a command that exits with \(code) ended with \(result.end)")
        try check(result.standardError == ByteBuffer(string: mark), "a command said who another is, or nothing")
        let contents = contents(key, file)
        let isRight = files[key][file].candidates.contains { version in
            result.standardOutput == (version == 0 ? ByteBuffer() : contents.bytes(version))
        }
        try check(
            isRight,
            "a command found \(result.standardOutputCount) bytes in file \(key)/\(file), which is \(files[key][file])"
        )
        return 1
    }

    /// A command that gives back what it is given.
    mutating func commandWithInput() async throws -> Int {
        let input = MixedContents(subject: "\(number)/input").bytes(newVersion())
        let result = try await connected().run(
            ExecRequest(.arguments([Array("cat".utf8)])),
            input: input,
            on: target(choice(Self.keys))
        )
        try check(
            result.isSuccess && result.standardOutput == input,
            "a command gave back something else: \(result.end)"
        )
        return 1
    }
}
