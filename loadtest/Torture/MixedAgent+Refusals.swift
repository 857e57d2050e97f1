internal import AgentBackend
internal import BrokerClient
internal import NIOCore

extension MixedAgent {
    /// What the broker has to refuse.
    mutating func refused() async throws -> Int {
        let (connection, target, file) = (try await connected(), target(choice(Self.keys)), choice(Self.filesOfKey))
        let (path, bytes) = (try path(file), ByteBuffer(string: "never"))
        switch choice(6) {
        case 0:
            try await expect(.invalidArgument, "a call on what is no key") {
                _ = try await connection.echo(bytes, on: BrokerTarget(key: "../\(number)"))
            }
        case 1:
            try await expect(.emptyCommand, "no command") {
                _ = try await connection.run(ExecRequest(.shellLine([])), on: target)
            }
        case 2:
            try await expect(.dangerousOperation, "a dangerous command") {
                _ = try await connection.run(ExecRequest(.shellLine(Array("rm -rf /".utf8))), on: target)
            }
        case 3:
            try await expect(.readFailed, "a read of what is not there") {
                _ = try await connection.read(try WorkspacePath("none/\(file)"), on: target)
            }
        case 4:
            try await expect(.permissionDenied, "an operator's call") { _ = try await connection.reload() }
        default:
            let (address, token) = (address, tokens.readOnly)
            try await expect(.permissionDenied, "a write with a token that only reads") {
                try await BrokerConnection.withConnection(to: address, token: token) { connection in
                    _ = try await connection.write(path, bytes, on: target)
                }
            }
        }
        return 1
    }

    /// Somebody with a token that is none.
    mutating func strange() async throws -> Int {
        let address = address
        let token = BrokerCredential().token
        try await expect(.authFailed, "a hello with an unknown token") {
            await (try BrokerConnection.connect(to: address, token: token)).close()
        }
        return 1
    }
}
