internal import AgentBackend
internal import BrokerClient
internal import NIOCore

extension MixedAgent {
    mutating func useMemory() async throws -> Int {
        let file = choice(Self.filesOfKey)
        let (connection, target, key) = (try await connected(), memoryTarget, try path(file))
        switch choice(4) {
        case 0:
            // Short ones: a few long ones would be what memory is measured by.
            let version = newVersion() * 100
            let bytes = memoryContents(file).bytes(version)
            try await connection.write(key, bytes, on: target)
            memory[file].isNow(version)
        case 1 where choice(4) == 0:
            let existed = try await connection.deleteKey(key, on: target)
            try check(
                existed == (memory[file].version != 0),
                "key \(file) existed: \(existed), but was \(memory[file])"
            )
            memory[file].isNow(0)
        case 2:
            let listed = try await connection.listKeys(on: target)
            let expected = try memory.indices.filter { memory[$0].version != 0 }.map(path)
            try check(Set(listed.keys) == Set(expected), "the keys are \(listed.keys), but should be \(expected)")
        default:
            do {
                let bytes = try await connection.read(key, on: target)
                let version = memory[file].version ?? 0
                try check(
                    version != 0 && bytes == memoryContents(file).bytes(version),
                    "key \(file) holds something else"
                )
            } catch let error as BackendError where error.code == .keyNotFound {
                try check(memory[file].version == 0, "key \(file) is gone, but was \(memory[file])")
            }
        }
        return 1
    }

    mutating func useLease() async throws -> Int {
        let (key, file) = (choice(Self.keys), choice(Self.filesOfKey))
        let connection = try await connected()
        let lease = try await connection.acquire(target(key))
        let payload = MixedContents(subject: "\(number)/lease").bytes(newVersion() * 100)
        try check(try await connection.echo(payload, on: lease.target) == payload, "an echo by lease came back changed")
        let exists = try await connection.exists(try path(file), on: lease.target)
        if let version = files[key][file].version {
            try check(exists == (version != 0), "by lease, file \(key)/\(file) exists: \(exists)")
        }
        try check(try await connection.release(lease), "a lease was not held any more")
        try check(try await !connection.release(lease), "a lease was held after its release")
        try await expect(.notFound, "a call by a lease that was released") {
            _ = try await connection.echo(payload, on: lease.target)
        }
        return 6
    }

    /// An entry of its own, which nothing is left of.
    mutating func useKeyless() async throws -> Int {
        let connection = try await connected()
        let lease = try await connection.acquire(BrokerTarget(key: ""))
        let (path, bytes) = (try WorkspacePath("only"), MixedContents(subject: "\(number)/keyless").bytes(newVersion()))
        let before = try await connection.readdir(.root, on: lease.target)
        try check(before.entries.isEmpty, "a fresh entry holds \(before.entries.compactMap(\.text))")
        try await connection.write(path, bytes, on: lease.target)
        try check(try await connection.read(path, on: lease.target) == bytes, "a fresh entry holds something else")
        try check(try await connection.release(lease), "a lease was not held any more")
        return 5
    }
}
