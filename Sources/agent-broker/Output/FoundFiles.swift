import AgentBackend

extension LineOutput {
    /// Something that a search came upon.
    mutating func add(_ file: FoundFile, withDetails: Bool, asJSON: Bool) async throws {
        let path = file.path.rooted
        guard asJSON else {
            // One without details vanished while it was looked at.
            let text = file.info.map { FileDetails(info: $0).text } ?? "?"
            return try await add(withDetails ? "\(text) " : "", path)
        }
        var line = JSONLine()
        line.add("path", orBase64: "path_base64", path)
        if let info = file.info {
            line.add(info)
        } else {
            line.add("type", file.kind.map(\.name) ?? "unknown")
        }
        try await add(line)
    }
}

extension WorkspacePath {
    /// From the root's name on, byte for byte.
    var rooted: [UInt8] { Array(Self.rootName.utf8) + (isRoot ? [] : [UInt8(ascii: "/")]) + bytes }
}

extension CommandOutput {
    /// Says on standard error what a search had to leave out, and fails then.
    func conclude(skipped: UInt64) async throws -> ExitStatus {
        guard skipped > 0 else { return .success }
        ExitStatus.report(
            BackendError(
                .lsFailed,
                reason: .denied,
                message: "\(skipped) directories or files could not be read or named, and were passed over: change "
                    + "their permissions"
            ),
            asJSON: asJSON
        )
        return .failure
    }
}
